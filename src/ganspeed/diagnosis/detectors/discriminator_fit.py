"""D scores its training images above others of the same kind: it knows them by heart. Or its gap is not theirs."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import tail_of
from ganspeed.params.blocks import Diagnosis

SCORES = ("probe/score_real", "probe/score_held_out", "probe/score_fake")
WHAT = "drop of D's score from training images to images held out, by the gap"


def overfits(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    tail, drop = _drop(evidence, bounds)
    if drop is None or drop <= bounds.overfit:
        return None
    return Sign(tail, WHAT, drop, ">", bounds.overfit, means="D overfits: it knows its training images.", advice=(
        "More images, `train.limit` if it is set; `networks.D.dropout`, `weight_decay`; a smaller D; a gradient "
        "penalty."
    ))  # fmt: skip


def underfits(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    tail, drop = _drop(evidence, bounds)
    bad = evidence.metric("cfid").iloc[-1] > evidence.known("pixel_gaussian")
    if drop is None or not bad or drop >= bounds.underfit:
        return None
    return Sign(tail, WHAT, drop, "<", bounds.underfit, advice="A larger D, `networks.D.width` or `depth`.", means=(
        "D may underfit: it treats all real images alike, and samples are bad."
    ))  # fmt: skip


def _drop(evidence: Evidence, bounds: Diagnosis) -> tuple[int, float | None]:
    """The first update of the tail, and the drop by medians over it; None where the gap is not above 0."""
    tail = tail_of(evidence.rows(*SCORES), bounds.tail)
    real, held_out, fake = (tail[name] for name in SCORES)
    gap = float((real - fake).median())
    return int(tail.index[0]), float((real - held_out).median()) / gap if gap > 0 else None


DETECTOR = Detector(number=13, title="D overfits or underfits", questions=(overfits, underfits), means="", advice="")
