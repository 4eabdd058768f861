"""Embedding sets of images for the metrics.

Images are embedded in batches, so that no more of a set than the metrics need is ever in memory: the features of both
classifiers, projections of the pixels, and a few images themselves.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ganspeed.data.prepared import of_classes
from ganspeed.errors import UserError
from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.classifier import Classifier, Which, batches, load_classifier, load_reference, probabilities
from ganspeed.scoring.embedded import Embedded
from ganspeed.scoring.pixel_metrics import Array, Pixels, project

VECTOR_CHANNELS = 16  # a CPU computes a layer with fewer channels no faster


@dataclass(frozen=True)
class EmbeddedSet:
    """N images embedded by both classifiers, and their pixels; pixels and class probabilities only where asked for."""

    first: Embedded
    second: Embedded
    pixels: Pixels | None
    l2_to_target: float | None = None  # root mean square difference per value to the images that they are to be


class ClassifierPair(nn.Module):
    """Two folded classifiers of one architecture.

    Where a vector has room for the channels of both, their convolutions are computed as one network by grouped
    convolutions, the second's channels behind the first's.
    """

    def __init__(self, first: Classifier, second: Classifier):
        super().__init__()
        self.first, self.second = first, second
        self.maps = _side_by_side(first.body, second.body) if 2 * first.architecture.width <= VECTOR_CHANNELS else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) → the features by each classifier, (N, dim) each."""
        if self.maps is None:
            return self.first.features(x), self.second.features(x)
        maps = self.maps(x).flatten(1).chunk(2, dim=1)
        first, second = (one.body[-1](own) for one, own in zip((self.first, self.second), maps, strict=True))
        return first, second

    @torch.inference_mode()
    def embed(self, x: Tensor, classes: bool) -> tuple[Embedded, Embedded]:
        """Embed images (N, C, H, W), on any device, by each; `classes`: with the first's class probabilities."""
        first, second = self(x.to(self.first.head.weight.device))
        predicted = probabilities(self.first, first) if classes else None
        return Embedded(first.cpu().numpy(), predicted), Embedded(second.cpu().numpy(), None)


def _side_by_side(first: nn.Sequential, second: nn.Sequential) -> nn.Sequential:
    """The convolutions of two folded bodies, each followed by a ReLU, as one network."""
    layers: list[nn.Module] = []
    convolutions = ([layer for layer in body if isinstance(layer, nn.Conv2d)] for body in (first, second))
    for one, other in zip(*convolutions, strict=True):
        groups = 2 if layers else 1  # the input images are the same for both
        shape = one.in_channels * groups, one.out_channels * 2, one.kernel_size, one.stride, one.padding
        layer = nn.Conv2d(*shape, groups=groups)
        layer.weight, layer.bias = (
            nn.Parameter(torch.cat([getattr(one, name), getattr(other, name)]), requires_grad=False)
            for name in ("weight", "bias")
        )
        layers += [layer, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@dataclass
class Differences:
    """The differences of images to what they are to be, summed in double precision, batch after batch."""

    squares: float = 0.0
    values: int = 0

    def add(self, images: Tensor, targets: Tensor | None) -> None:
        """Add those of a batch, (n, C, H, W) each; nothing where there is no target."""
        if targets is not None:
            self.squares += (images.cpu().double() - targets.cpu().double()).square().sum().item()
            self.values += targets.numel()

    @property
    def root_mean_square(self) -> float | None:
        """Per value; None without a target."""
        return math.sqrt(self.squares / self.values) if self.values else None


@dataclass(frozen=True)
class Embedder:
    """Both classifiers, directions (C·H·W, P) to project pixels onto, and how many images transport is computed for."""

    classifiers: ClassifierPair
    directions: Array
    transport_samples: int

    @torch.inference_mode()
    def embed(
        self,
        images: Iterable[Tensor],
        pixels: bool = True,
        classes: bool = True,
        targets: Iterable[Tensor] | None = None,
    ) -> EmbeddedSet:
        """Embed images that come in batches (n, C, H, W), on any device.

        pixels, classes: with what the metrics on pixels need, with class probabilities. targets: what these images are
        to be, in equal batches.
        """
        first, second, projections, samples, missing = [], [], [], [], self.transport_samples
        differences = Differences()
        for x, target in zip(images, repeat(None) if targets is None else targets, strict=targets is not None):
            differences.add(x, target)
            for parts, part in zip((first, second), self.classifiers.embed(x, classes), strict=True):
                parts.append(part)
            if pixels:
                x = x.cpu().numpy()
                projections.append(project(x, self.directions))
                samples.append(_flat_copy(x[:missing]))
                missing -= len(samples[-1])
        embedded_pixels = Pixels(np.concatenate(projections), np.concatenate(samples)) if pixels else None
        return EmbeddedSet(concatenate(first), concatenate(second), embedded_pixels, differences.root_mean_square)


def load_embedder(folder: Path, settings: Evaluate, device: torch.device | str = "cpu") -> Embedder:
    """The embedder of a features folder. Raises FeaturesError when a classifier is missing or damaged."""
    classifiers = ClassifierPair(*(load_classifier(folder, device, which) for which in ("first", "second")))
    size = int(np.prod(classifiers.first.architecture.shape))
    directions = pixel_metrics.directions(size, settings.sliced_projections, settings.seed)
    return Embedder(classifiers, directions, settings.transport_samples)


def embed_split(
    folder: Path, split: str, images: Array, embedder: Embedder, numbers: Sequence[int] = ()
) -> EmbeddedSet:
    """Val or test as an embedded set; the stage features has embedded these `images` (N, C, H, W).

    numbers: of the classes that they are of; () for all. Raises UserError for so few images of some that their
    covariance would not have the rank that cfid asks for.
    """
    first, second = (reference_of(folder, split, which, numbers) for which in ("first", "second"))
    n, dim = first.features.shape
    if numbers and n <= dim:
        raise UserError(
            f"datasets.{folder.name}.data.classes: {n:,} images of these in {split}; features.dim asks for more than "
            f"{dim:,}"
        )
    return EmbeddedSet(first, second, embed_pixels(images, embedder))


def reference_of(folder: Path, split: str, which: Which = "first", numbers: Sequence[int] = ()) -> Embedded:
    """The images of val or test, of these classes alone, as the stage features has embedded them."""
    embedded, labels = load_reference(folder, split, which)
    return embedded.subset(of_classes(labels, numbers)) if numbers else embedded


def embed_pixels(images: Array, embedder: Embedder) -> Pixels:
    """The pixels of an array of images (N, C, H, W), memory-mapped or not."""
    projections = [project(x.numpy(), embedder.directions) for x in batches(images)]
    return Pixels(np.concatenate(projections), _flat_copy(images[: embedder.transport_samples]))


def _flat_copy(images: Array) -> Array:
    """(n, C, H, W) → (n, C·H·W), a copy: a view of a few images would hold the memory of their batch."""
    return np.array(pixel_metrics.flat(images))


def concatenate(parts: list[Embedded]) -> Embedded:
    """The parts of a set as one."""
    classes = None if parts[0].probabilities is None else np.concatenate([part.probabilities for part in parts])
    return Embedded(np.concatenate([part.features for part in parts]), classes)
