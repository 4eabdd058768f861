"""What G learns from is gone: the gradient of its step, or D's slope at generated images."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import from_update, lasting, over_early
from ganspeed.params.blocks import Diagnosis


def gradient_of_g(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    ratio = over_early(evidence.column("probe/gradient_G"), bounds.early)
    return lasting(ratio, "<", bounds.vanishing, "G's gradient over its early one", bounds.rows)


def slope_of_d(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    slope, rows = from_update(evidence.column("diagnostics/profile_0.00"), 1), evidence.enough(bounds.rows)
    return lasting(slope, "<", bounds.steepness, "norm of D's gradient at generated images", rows)


DETECTOR = Detector(
    number=11,
    title="vanishing gradients",
    questions=(gradient_of_g, slope_of_d),
    means="G hardly moves any more, because what comes back through D is nearly 0.",
    advice="The non-saturating loss, `saturating: false`, or a Wasserstein objective, `wgan_gp`. Look first whether "
    "a sigmoid before the loss or badly scaled weights are found as well: either does this.",
)
