"""The players are no opponents: both losses pull generated images the same way, or D's steps do not reach them."""

import pandas as pd

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.params.blocks import Diagnosis

SETTLED = 25  # updates; both questions are of the lints at update 0 and at the first row from here on
COOPERATION = {
    "title": "players cooperate",
    "means": "Both losses pull generated images the same way: nobody learns to tell them from real ones.",
    "advice": "Look at the sign of D's term on generated images, and at that of G's loss.",
}
TWO_DISCRIMINATORS = {
    "title": "D's steps do not reach G's judge",
    "means": "What D learns does not change how generated images are judged.",
    "advice": "See that generated images meet the D whose weights are trained, not a second one, and that their scores "
    "are not detached in D's loss.",
}


def same_direction(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = _first_lints(evidence, "probe/cosine")
    if not (values > bounds.cosine).all():
        return None
    what, smallest = "cosine of D's and G's gradients by generated images", float(values.min())
    return Sign(int(values.index[0]), what, smallest, ">", bounds.cosine, **COOPERATION)


def out_of_reach(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = _first_lints(evidence, "probe/fake_term_moved")
    if not (values < bounds.fake_term).all():
        return None
    what, largest = "change of the scores of generated images by a step of D", float(values.max())
    return Sign(int(values.index[0]), what, largest, "<", bounds.fake_term, **TWO_DISCRIMINATORS)


def _first_lints(evidence: Evidence, column: str) -> pd.Series:
    """The values of the first lints, by update: of update 0, and of the first from SETTLED on."""
    values = evidence.column(column)
    settled = values.index[values.index >= SETTLED][:1]
    found = values[(values.index < SETTLED) | values.index.isin(settled)]
    if found.empty:
        raise EvidenceError("no lint")
    return found


DETECTOR = Detector(number=14, title="idle player", questions=(same_direction, out_of_reach), means="", advice="")
