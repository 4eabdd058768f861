"""A loss or a weight was not finite."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.params.blocks import Diagnosis


def diverged(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    if evidence.diverged_at is None:
        return None
    return Sign(evidence.diverged_at, "a loss or a weight is not finite")


DETECTOR = Detector(
    number=12,
    title="not finite",
    questions=(diverged,),
    means="Numbers overflowed: the run has diverged, and nothing after this update counts.",
    advice="Lower rates, `lr_g` and `lr_d`; clipped gradients, `optimizer.D.clip_norm` and `optimizer.G.clip_norm`.",
)
