"""D scores its training images above others of the same kind: it knows them by heart. Or its gap is not theirs."""

import pandas as pd

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import tail_of
from ganspeed.params.blocks import Diagnosis

SCORES = REAL, HELD_OUT, FAKE = ("probe/score_real", "probe/score_held_out", "probe/score_fake")
WHAT = "drop of D's score from training images to images held out, by the gap"
OVERFITTED = {
    "title": "D overfits",
    "means": "D knows its training images by heart: it scores others of the same kind lower.",
    "advice": "More images, `train.limit` if it is set; `networks.D.dropout`, `weight_decay`; a smaller D; a gradient "
    "penalty.",
}
UNDERFITTED = {
    "title": "D underfits",
    "means": "D treats all real images alike and errs on many samples, although they are bad.",
    "advice": "A larger D, `networks.D.width` or `depth`.",
}


def overfits(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """In every row of the tail: where the gap is small, a median over few rows is noise."""
    tail = tail_of(evidence.rows(*SCORES), bounds.tail)
    drop = _drop(tail)
    if drop is None or drop <= bounds.overfit or not (tail[REAL] > tail[HELD_OUT]).all():
        return None
    return Sign(int(tail.index[0]), WHAT, drop, ">", bounds.overfit, **OVERFITTED)


def underfits(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """A D that tells bad samples apart has learned what it was shown."""
    tail, auc = tail_of(evidence.rows(*SCORES), bounds.tail), tail_of(evidence.column("probe/auc"), bounds.tail)
    drop, bad = _drop(tail), evidence.metric("cfid").iloc[-1] > evidence.known("pixel_gaussian")
    if drop is None or not bad or drop >= bounds.underfit or auc.median() >= bounds.underfit_auc:
        return None
    return Sign(int(tail.index[0]), WHAT, drop, "<", bounds.underfit, **UNDERFITTED)


def _drop(tail: pd.DataFrame) -> float | None:
    """The drop by medians over these rows; None where the gap is not above 0."""
    gap = float((tail[REAL] - tail[FAKE]).median())
    return float((tail[REAL] - tail[HELD_OUT]).median()) / gap if gap > 0 else None


DETECTOR = Detector(number=13, title="D overfits or underfits", questions=(overfits, underfits), means="", advice="")
