"""Samples no longer improve and are not good: cfid hardly falls over the last half of the run."""

import math

import numpy as np

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.params.blocks import Diagnosis

FEWEST = 3  # snapshots that a slope is fitted to


def level(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    cfid, good = evidence.metric("cfid"), evidence.known("tau25")
    cfid = cfid[(cfid > 0) & (cfid < math.inf)]
    half = cfid[(cfid.index > 0) & (cfid.index >= cfid.index.max() / 2)]
    if len(half) < FEWEST:
        raise EvidenceError(f"{len(half)} snapshots in the last half, not {FEWEST} or more")
    slope, _ = np.polyfit(np.log(half.index.to_numpy(float)), np.log(half.to_numpy()), 1)
    if slope <= bounds.slope or half.iloc[-1] <= good:
        return None
    what = f"cfid {half.iloc[-1]:.3g}, {half.iloc[-1] / cfid.min():.2f} times the best, slope of its log"
    return Sign(int(half.index[0]), what, float(slope), ">", bounds.slope)


DETECTOR = Detector(
    number=9,
    title="plateau",
    questions=(level,),
    means="Training goes on without improving the samples, which are not good yet.",
    advice="Let the rates fall, `optimizer.schedule`; larger networks, `width`; if the best snapshot was much better "
    "than the last, a lower rate.",
)
