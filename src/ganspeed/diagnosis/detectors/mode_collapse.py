"""G makes few of the kinds of images that there are: few modes, samples close to each other, or low recall."""

from ganspeed.diagnosis import Detector, Evidence, Sign
from ganspeed.diagnosis.series import from_update, lasting
from ganspeed.params.blocks import Diagnosis


def few_modes(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    share = evidence.metric("modes") / evidence.known("real_modes")
    return lasting(share, "<", bounds.modes, "modes over those of real images")


def close_samples(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """Those of an untrained G are alike as well, and say nothing."""
    table = from_update(evidence.rows("probe/distance_fake", "probe/distance_real"), 1)
    ratio, rows = table["probe/distance_fake"] / table["probe/distance_real"], evidence.enough(bounds.collapsed_rows)
    return lasting(ratio, "<", bounds.distance, "mean distance among samples over that among real images", rows)


def low_recall(evidence: Evidence, bounds: Diagnosis) -> Sign | None:
    """Samples unlike real images cover none of them either: their recall says nothing of modes."""
    precision = evidence.metric("precision").iloc[-1]
    sign = lasting(evidence.metric("recall"), "<", bounds.recall, f"recall, at a precision of {precision:.3g}")
    return sign if precision >= bounds.precision else None


DETECTOR = Detector(
    number=10,
    title="mode collapse",
    questions=(few_modes, close_samples, low_recall),
    means="G maps different z to the same few images.",
    advice="A smaller batch, `batch_size`; another objective, such as `wgan_gp` or `r1`, or a gradient penalty; more "
    "steps of D, `n_critic`.",
)
