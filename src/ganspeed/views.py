"""A set of images as the metrics see it, and every metric of one set against another.

Images go through in batches, so that no more of a set than the metrics need is ever in memory: the features of both
classifiers, projections of the pixels, and a few whole images.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganspeed import metrics, pixels
from ganspeed.features import Pair, batches, embed_twice, load_classifier, load_reference
from ganspeed.metrics import Embedded, frechet_distance
from ganspeed.params import Evaluate
from ganspeed.pixels import Array, Pixels, References, project

EVERY_SNAPSHOT = ("cfid", "cfid_second")
METRICS = (*metrics.METRICS, "cfid_second", *pixels.METRICS)  # those of the full snapshots, in their order


@dataclass(frozen=True)
class View:
    """N images: as both classifiers see them, and their pixels; pixels and class probabilities where asked for."""

    first: Embedded
    second: Embedded
    pixels: Pixels | None


@dataclass(frozen=True)
class Lens:
    """What a view is taken with: both classifiers, and directions (C·H·W, P) with the number of images to keep."""

    classifiers: Pair
    along: Array
    keep: int

    @torch.inference_mode()
    def view(self, images: Iterable[Tensor], full: bool = True) -> View:
        """The view of images that come in batches (n, C, H, W), on any device; not full: for EVERY_SNAPSHOT."""
        first, second, projected, kept, missing = [], [], [], [], self.keep
        for x in images:
            for parts, part in zip((first, second), embed_twice(self.classifiers, x, classes=full), strict=True):
                parts.append(part)
            if full:
                x = x.cpu().numpy()
                projected.append(project(x, self.along))
                kept.append(_copied(x[:missing]))
                missing -= len(kept[-1])
        shown = Pixels(np.concatenate(projected), np.concatenate(kept)) if full else None
        return View(joined(first), joined(second), shown)


def lens(folder: Path, settings: Evaluate, device: torch.device | str = "cpu") -> Lens:
    """The lens of a features folder. Raises FeaturesError when a classifier is missing or damaged."""
    classifiers = Pair(*(load_classifier(folder, device, which) for which in ("first", "second")))
    size = int(np.prod(classifiers.first.architecture.shape))
    along = pixels.directions(size, settings.sliced_projections, settings.seed)
    return Lens(classifiers, along, settings.transport_samples)


def view_of_split(folder: Path, split: str, images: Array, through: Lens) -> View:
    """The view of val or test, whose `images` (N, C, H, W) the stage features has embedded already."""
    first, second = (load_reference(folder, split, which)[0] for which in ("first", "second"))
    return View(first, second, seen_pixels(images, through))


def seen_pixels(images: Array, through: Lens) -> Pixels:
    """The pixels of an array of images (N, C, H, W), memory-mapped or not."""
    projected = [project(x.numpy(), through.along) for x in batches(images)]
    return Pixels(np.concatenate(projected), _copied(images[: through.keep]))


def distances(generated: View, real: View) -> dict[str, float]:
    """The metrics of EVERY_SNAPSHOT by name."""
    sides = ((generated.first, real.first), (generated.second, real.second))
    values = (frechet_distance(a.statistics, b.statistics) for a, b in sides)
    return dict(zip(EVERY_SNAPSHOT, values, strict=True))


def all_metrics(generated: View, real: View, near: References, settings: Evaluate) -> dict[str, float]:
    """Every metric of METRICS by name, in its order; those of classes only where the classifiers tell classes."""
    values = metrics.all_metrics(generated.first, real.first, settings)
    values["cfid_second"] = frechet_distance(generated.second.statistics, real.second.statistics)
    return values | pixels.all_metrics(generated.pixels, real.pixels, near)


def _copied(images: Array) -> Array:
    """(n, C, H, W) → (n, C·H·W), in memory of its own: a batch need not stay for the sake of a few of its images."""
    return np.array(pixels.flat(images))


def joined(parts: list[Embedded]) -> Embedded:
    """Parts of a set, put together again."""
    named = parts[0].probabilities is not None
    return Embedded(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.probabilities for part in parts]) if named else None,
    )
