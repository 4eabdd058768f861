"""Initial weights so large that G's values stand at both ends of their range, and that steps do not move D's."""

from ganspeed.diagnosis import Detector, Evidence, EvidenceError, Sign
from ganspeed.params.blocks import Diagnosis

LATER = 100  # updates after which D's weights are looked at


def saturated(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    values = evidence.column("probe/saturated")
    if values.index[0] != 0:
        raise EvidenceError("no row of update 0")
    share, what = float(values.iloc[0]), "share of G's values at the ends of their range at update 0"
    if share <= bounds.saturated:
        return None
    try:
        moved = evidence.column("probe/moved_D")
    except EvidenceError:
        moved = values[:0]
    if len(later := moved[moved.index >= LATER]):
        if later.iloc[0] >= bounds.moved:
            return None
        what = f"D's weights moved by {later.iloc[0]:.3g} of their norm in {later.index[0]} updates, {what}"
    return Sign(0, what, share, ">", bounds.saturated)


DETECTOR = Detector(
    number=3,
    title="badly scaled initial weights",
    questions=(saturated,),
    means="The output function is saturated from the start: gradients through it are nearly 0, and the weights stay "
    "where they were.",
    advice="`networks.init: xavier`, or `{normal: 0.02}`; biases at 0.",
)
