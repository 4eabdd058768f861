"""The registry of metrics, in the order of the table of scores. Imports no torch.

A new metric is an entry here, and a function in the FUNCTIONS of feature_metrics.py, pixel_metrics.py or
asked_metrics.py.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One metric; `glossary` is what the report says of it."""

    name: str
    better: Literal["lower", "higher"] | None  # None: what another metric is held against
    glossary: str
    needs_classes: int = 0  # computed only where real images are of so many classes
    every_snapshot: bool = False  # others are computed on those of `snapshots.fully_scored`
    fed: Literal["classes", "categorical", "image"] | None = None  # computed only where G's latents have this


_MANIFOLDS = "overlap of nearest-neighbour manifolds of those features"

METRICS: tuple[Metric, ...] = (
    Metric("cfid", "lower", "Fréchet distance between Gaussians fitted to the classifier’s features of generated and "
           "of held-out real images", every_snapshot=True),
    Metric("ckid", "lower", "unbiased squared maximum mean discrepancy of the same features, kernel (x·y/d + 1)³; it "
           "may be negative"),
    Metric("precision", "higher", _MANIFOLDS),
    Metric("recall", "higher", _MANIFOLDS),
    Metric("density", "higher", _MANIFOLDS),
    Metric("coverage", "higher", _MANIFOLDS),
    Metric("modes", "higher", "classes that the classifier finds often enough among the samples", needs_classes=2),
    Metric("mode_kl", "lower", "Kullback–Leibler divergence of the samples’ class histogram from that of the real "
           "images, in nats", needs_classes=2),
    Metric("confident", "higher", "share of samples that the classifier puts into one class with high probability",
           needs_classes=1),
    Metric("asked", "higher", "share of samples that the classifier puts into the class that the generator was asked "
           "for, of variants whose generator is fed one", needs_classes=1, fed="classes"),
    Metric("code_accuracy", "higher", "share of samples whose categorical code, under the best one-to-one map of codes "
           "to classes, is the class that the classifier finds; the code has to do with the classes only if this "
           "exceeds code_chance", needs_classes=2, fed="categorical"),
    Metric("code_chance", None, "neither better nor worse: 99th percentile of code_accuracy over 1,000 permutations of "
           "the codes among the samples", needs_classes=2, fed="categorical"),
    Metric("l2_to_target", "lower", "root mean square difference, per value in [-1, 1], between a sample and the "
           "held-out image whose degraded version the generator was fed, of data sets with a problem", fed="image"),
    Metric("cfid_second", "lower", "cfid on the features of a second classifier, trained from another seed",
           every_snapshot=True),
    Metric("swd", "lower", "sliced Wasserstein-2 distance of the pixels, over fixed directions"),
    Metric("w1_exact", "lower", "exact Wasserstein-1 distance of the pixels, Euclidean, between equally many images, "
           "hence above 0 even for real ones, and kind to a slight blur"),
    Metric("memorisation", "lower", "share of samples nearer to a training image than to any held-out one, of equally "
           "many of each; fresh images score 1/2 whatever their quality, more is a sign of copies"),
)  # fmt: skip

# The order of the report's tables and of MLflow's page: the metrics of every snapshot first.
DISPLAY_ORDER = tuple(metric.name for metric in sorted(METRICS, key=lambda metric: not metric.every_snapshot))
LOWER_IS_BETTER = frozenset(metric.name for metric in METRICS if metric.better == "lower")
YARDSTICKS = frozenset(metric.name for metric in METRICS if metric.better is None)
FED = {metric.name: metric.fed for metric in METRICS if metric.fed}
