"""The gap between real and generated scores without bound: what should bound D's slope does not."""

import math

import numpy as np

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.diagnosis.series import somewhere, tail_of
from ganspeed.params.blocks import Diagnosis

FEWEST = 5  # rows that a slope is fitted to


def large(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    return somewhere(_gap(evidence), bounds.gap, "gap of real and generated scores")


def growing(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """A gap near 0 has a log of any slope, so that only a large one is looked at."""
    tail = tail_of(_gap(evidence), bounds.tail)
    tail = tail[(tail > 0) & (tail < math.inf)]
    if len(tail) < FEWEST:
        raise EvidenceError(f"{len(tail)} rows in the tail, not {FEWEST} or more")
    growth, _ = np.polyfit(np.log2(tail.index.to_numpy(float)), np.log(tail.to_numpy()), 1)
    if growth <= bounds.gap_growth or tail.median() <= bounds.large_gap:
        return None
    return Sign(int(tail.index[0]), "growth of the log of the gap in a doubling", float(growth), ">", bounds.gap_growth)


def _gap(evidence: Evidence):
    """|gap| by update; of a log without it, |D's loss|, which a critic's gap is most of."""
    return evidence.column("gap" if "gap" in evidence.history else "d_loss").abs()


DETECTOR = Detector(
    number=7,
    title="critic blow-up",
    questions=(large, growing),
    means="D's scores grow without bound: its slope is not held, and the loss measures no distance any more.",
    advice="Clip the weights (`clip`) or penalise the gradient (`lambda_gp`); in code of your own, take the penalty's "
    "norm over all values of an image, not over the batch.",
)
