"""The metrics of generated against real images: which of the registry's are computed, and their values in its order."""

from dataclasses import dataclass

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import asked_metrics, feature_metrics, pixel_metrics
from ganspeed.scoring.asked_metrics import Asked
from ganspeed.scoring.embedder import EmbeddedSet
from ganspeed.scoring.feature_metrics import FeatureComparison, FeatureSide
from ganspeed.scoring.metrics import METRICS, Metric
from ganspeed.scoring.pixel_metrics import Array, NeighbourCandidates, Pixels


@dataclass(frozen=True, eq=False)
class RealReference:
    """The real images that generated ones are compared with; what metrics need of them alone is computed once."""

    features: FeatureSide
    pixels: Pixels
    candidates: NeighbourCandidates


def real_reference(
    real: EmbeddedSet, train: Array, images: Array, settings: Evaluate, numbers: tuple[int, ...] = ()
) -> RealReference:
    """The reference made of held-out images (M, C, H, W), embedded as `real`, and of training images (N, C, H, W).

    numbers: of the classes that all of them are of; () for all classes.
    """
    side = FeatureSide(real.first, real.second, settings, stream=1, numbers=numbers)
    return RealReference(side, real.pixels, pixel_metrics.neighbour_candidates(train, images))


def selected(full: bool) -> list[Metric]:
    """The metrics of a snapshot: all of them, or those of every snapshot."""
    return [metric for metric in METRICS if full or metric.every_snapshot]


def needs_pixels(full: bool) -> bool:
    return any(metric.name in pixel_metrics.FUNCTIONS for metric in selected(full))


def needs_targets(full: bool) -> bool:
    return any(metric.fed == "image" for metric in selected(full))


def needs_classes(full: bool) -> bool:
    return any(metric.needs_classes > 0 for metric in selected(full))


def compute_metrics(
    generated: EmbeddedSet, real: RealReference, full: bool = True, asked: Asked | None = None
) -> dict[str, float]:
    """Metric → value, in the order of the registry.

    Those that need classes only where the real images are of so many, those of what G was asked for only where it was.
    """
    settings, asked = real.features.settings, asked or Asked()
    side = FeatureSide(generated.first, generated.second, settings, stream=0)
    features = FeatureComparison(side, real.features)
    classes = len(real.features.classes)

    def applies(metric: Metric) -> bool:
        was_fed = metric.fed is None or getattr(asked, metric.fed) is not None
        return was_fed and classes >= metric.needs_classes

    def value(name: str) -> float:
        if name in asked_metrics.FUNCTIONS:
            return asked_metrics.FUNCTIONS[name](generated, asked, settings.seed)
        if name in pixel_metrics.FUNCTIONS:
            return pixel_metrics.FUNCTIONS[name](generated.pixels, real.pixels, real.candidates)
        return feature_metrics.FUNCTIONS[name](features)

    return {m.name: value(m.name) for m in selected(full) if applies(m)}
