"""The players are no opponents: both losses pull generated images the same way, or D's steps do not reach them."""

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.params.blocks import Diagnosis

SETTLED = 25  # updates; both questions are of lints at update 0 and at the first from here on


def same_direction(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = _first_lints(evidence, "probe/cosine")
    if not (values > bounds.cosine).all():
        return None
    what = "cosine of D's and G's gradients by generated images"
    return Sign(int(values.index[0]), what, float(values.min()), ">", bounds.cosine, means=(
        "Both losses pull generated images the same way: the players cooperate, and nobody tells real from generated."
    ), advice="Look at the sign of D's term on generated images, and of G's loss.")  # fmt: skip


def out_of_reach(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = _first_lints(evidence, "probe/fake_term_moved")
    if not (values < bounds.fake_term).all():
        return None
    what = "change of the scores of generated images by a step of D"
    return Sign(int(values.index[0]), what, float(values.max()), "<", bounds.fake_term, means=(
        "D's steps do not change how generated images are judged."
    ), advice=(
        "See that generated images meet the D whose weights are trained, not a second one, and that their scores are "
        "not detached in D's loss."
    ))  # fmt: skip


def _first_lints(evidence: Evidence, column: str):
    """The values of the first lints, by update: of update 0, and of the first from SETTLED on."""
    values = evidence.column(column)
    settled = values.index[values.index >= SETTLED][:1]
    found = values[(values.index < SETTLED) | values.index.isin(settled)]
    if found.empty:
        raise EvidenceError("no lint")
    return found


DETECTOR = Detector(number=14, title="a player does not play", questions=(same_direction, out_of_reach), means="",
                    advice="")  # fmt: skip
