"""Every metric of one set of images against another."""

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import feature_metrics, pixel_metrics
from ganspeed.scoring.embedder import EmbeddedSet
from ganspeed.scoring.feature_metrics import frechet_distance
from ganspeed.scoring.pixel_metrics import References

EVERY_SNAPSHOT = ("cfid", "cfid_second")
METRICS = (
    *feature_metrics.FEATURE_METRICS,
    "cfid_second",
    *pixel_metrics.PIXEL_METRICS,
)  # those of the full snapshots, in their order


def distances(generated: EmbeddedSet, real: EmbeddedSet) -> dict[str, float]:
    """The metrics of EVERY_SNAPSHOT by name."""
    sides = ((generated.first, real.first), (generated.second, real.second))
    values = (frechet_distance(a.statistics, b.statistics) for a, b in sides)
    return dict(zip(EVERY_SNAPSHOT, values, strict=True))


def all_metrics(generated: EmbeddedSet, real: EmbeddedSet, near: References, settings: Evaluate) -> dict[str, float]:
    """Every metric of METRICS by name, in its order; those of classes only where the classifiers tell classes."""
    values = feature_metrics.all_metrics(generated.first, real.first, settings)
    values["cfid_second"] = frechet_distance(generated.second.statistics, real.second.statistics)
    return values | pixel_metrics.all_metrics(generated.pixels, real.pixels, near)
