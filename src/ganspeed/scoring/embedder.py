"""A set of images as the metrics see it, and every metric of one set against another.

Images go through in batches, so that no more of a set than the metrics need is ever in memory: the features of both
classifiers, projections of the pixels, and a few whole images.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.classifier import Classifier, batches, load_classifier, load_reference, probabilities
from ganspeed.scoring.embedded import Embedded
from ganspeed.scoring.pixel_metrics import Array, Pixels, project

VECTOR_CHANNELS = 16  # channels that a layer on a CPU is computed for at least, however few it has


@dataclass(frozen=True)
class EmbeddedSet:
    """N images: as both classifiers see them, and their pixels; pixels and class probabilities where asked for."""

    first: Embedded
    second: Embedded
    pixels: Pixels | None


class ClassifierPair(nn.Module):
    """Two folded classifiers of one architecture.

    Where a vector has room for both, they go through their convolutions as one network, the second's channels behind
    the first's and apart from them.
    """

    def __init__(self, first: Classifier, second: Classifier):
        super().__init__()
        self.first, self.second = first, second
        self.maps = _side_by_side(first.body, second.body) if 2 * first.architecture.width <= VECTOR_CHANNELS else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) → the features of either, (N, dim) each."""
        if self.maps is None:
            return self.first.features(x), self.second.features(x)
        maps = self.maps(x).flatten(1).chunk(2, dim=1)
        first, second = (one.body[-1](own) for one, own in zip((self.first, self.second), maps, strict=True))
        return first, second

    @torch.inference_mode()
    def embed(self, x: Tensor, classes: bool) -> tuple[Embedded, Embedded]:
        """Images (N, C, H, W), on any device, as either sees them; `classes`: with the first's class probabilities."""
        first, second = self(x.to(self.first.head.weight.device))
        named = probabilities(self.first, first) if classes else None
        return Embedded(first.cpu().numpy(), named), Embedded(second.cpu().numpy(), None)


def _side_by_side(first: nn.Sequential, second: nn.Sequential) -> nn.Sequential:
    """The convolutions of two folded bodies, each with a ReLU behind it, as one network."""
    layers: list[nn.Module] = []
    convolutions = ([layer for layer in body if isinstance(layer, nn.Conv2d)] for body in (first, second))
    for one, other in zip(*convolutions, strict=True):
        groups = 2 if layers else 1  # both see the same images
        shape = one.in_channels * groups, one.out_channels * 2, one.kernel_size, one.stride, one.padding
        layer = nn.Conv2d(*shape, groups=groups)
        layer.weight, layer.bias = (
            nn.Parameter(torch.cat([getattr(one, name), getattr(other, name)]), requires_grad=False)
            for name in ("weight", "bias")
        )
        layers += [layer, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Embedder:
    """What a view is taken with: both classifiers, and directions (C·H·W, P) with the number of images to keep."""

    classifiers: ClassifierPair
    along: Array
    keep: int

    @torch.inference_mode()
    def view(self, images: Iterable[Tensor], full: bool = True) -> EmbeddedSet:
        """The view of images that come in batches (n, C, H, W), on any device; not full: for EVERY_SNAPSHOT."""
        first, second, projected, kept, missing = [], [], [], [], self.keep
        for x in images:
            for parts, part in zip((first, second), self.classifiers.embed(x, classes=full), strict=True):
                parts.append(part)
            if full:
                x = x.cpu().numpy()
                projected.append(project(x, self.along))
                kept.append(_copied(x[:missing]))
                missing -= len(kept[-1])
        shown = Pixels(np.concatenate(projected), np.concatenate(kept)) if full else None
        return EmbeddedSet(concatenate(first), concatenate(second), shown)


def load_embedder(folder: Path, settings: Evaluate, device: torch.device | str = "cpu") -> Embedder:
    """The lens of a features folder. Raises FeaturesError when a classifier is missing or damaged."""
    classifiers = ClassifierPair(*(load_classifier(folder, device, which) for which in ("first", "second")))
    size = int(np.prod(classifiers.first.architecture.shape))
    along = pixel_metrics.directions(size, settings.sliced_projections, settings.seed)
    return Embedder(classifiers, along, settings.transport_samples)


def embed_split(folder: Path, split: str, images: Array, through: Embedder) -> EmbeddedSet:
    """The view of val or test, whose `images` (N, C, H, W) the stage features has embedded already."""
    first, second = (load_reference(folder, split, which)[0] for which in ("first", "second"))
    return EmbeddedSet(first, second, embed_pixels(images, through))


def embed_pixels(images: Array, through: Embedder) -> Pixels:
    """The pixels of an array of images (N, C, H, W), memory-mapped or not."""
    projected = [project(x.numpy(), through.along) for x in batches(images)]
    return Pixels(np.concatenate(projected), _copied(images[: through.keep]))


def _copied(images: Array) -> Array:
    """(n, C, H, W) → (n, C·H·W), in memory of its own: a batch need not stay for the sake of a few of its images."""
    return np.array(pixel_metrics.flat(images))


def concatenate(parts: list[Embedded]) -> Embedded:
    """Parts of a set, put together again."""
    named = parts[0].probabilities is not None
    return Embedded(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.probabilities for part in parts]) if named else None,
    )
