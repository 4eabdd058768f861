"""Calibration rows: the metrics of images whose quality is known, for comparison with a variant's scores.

`floor`: real against real images, the lowest score to be expected. `test`: the real test images themselves, for metrics
that need no second set. `blur_<width>`, `drop_<k>`: held-out real images blurred, or without k classes.
`pixel_gaussian`: samples of the Gaussian fitted to the pixels of train. A row of too few images for the metrics is left
out: how many a class has is known from the data alone.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ganspeed.data.prepared import class_numbers, load_split
from ganspeed.params.blocks import Evaluate
from ganspeed.scoring.classifier import batches
from ganspeed.scoring.compute_metrics import compute_metrics, real_reference
from ganspeed.scoring.embedder import EmbeddedSet, concatenate, embed_split, load_embedder, reference_of
from ganspeed.scoring.feature_metrics import FUNCTIONS, FeatureComparison, FeatureSide
from ganspeed.scoring.features_record import read_features_record
from ganspeed.scoring.metrics import METRICS
from ganspeed.scoring.pixel_metrics import Array, Pixels, flat
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import one_thread, reproducible
from ganspeed.system.files import write_text

CALIBRATION_COLUMNS = ("dataset", "row", "metric", "value", "n")
FLOOR_SPLITS = 20  # random splits of the real images; the floor is the median over them
BLUR_WIDTHS = (0.5, 1.0, 2.0)  # standard deviations, in pixels
GAUSSIAN_FIT_IMAGES = 10_000  # training images, at most, that the pixel Gaussian is fitted to
SEED = 0
CalibrationRow = tuple[str, dict[str, float], int]  # name, metrics, images


def calibrate(
    dataset: str,
    prepared: Path,
    features: Path,
    settings: Evaluate,
    samples: int,
    out: Path,
    classes: tuple[str, ...] | None = None,
) -> None:
    """Write the calibration rows of one data set as a tidy table with CALIBRATION_COLUMNS, in a fixed order.

    Everything is compared with the images of `settings.split`; those of the other one of val and test are blurred and
    lose classes. samples: the number of pixel-Gaussian images; classes: of all images, by name, None for all.
    """
    read_features_record(features)
    retain_freed_blocks()
    reproducible()
    with one_thread():
        rows = calibration_rows(prepared, features, settings, samples, class_numbers(prepared, classes))
    lines = [",".join(CALIBRATION_COLUMNS)]
    for name, values, n in rows:
        lines += [f"{dataset},{name},{metric},{value!r},{n}" for metric, value in values.items()]
    write_text(out, "\n".join(lines) + "\n")


def calibration_rows(
    prepared: Path, features: Path, settings: Evaluate, samples: int, numbers: tuple[int, ...] = ()
) -> list[CalibrationRow]:
    """The rows in order: floor, test, blurs, drops, pixel_gaussian. Without classes there are no test and drops.

    numbers: of the classes that all images are of; () for all. Of a single one none is dropped.
    """
    embedder, held_out = load_embedder(features, settings), "val" if settings.split == "test" else "test"
    splits = ("train", settings.split, held_out)
    (train, _), (images, _), (others, labels) = (load_split(prepared, split, numbers) for split in splits)
    real, other = (
        RealImages(embed_split(features, split, of_split, embedder, numbers), of_split)
        for split, of_split in ((settings.split, images), (held_out, others))
    )
    reference = real_reference(real.embedded, train, images, settings, numbers)
    classes = reference.features.classes

    def row(name: str, embedded: EmbeddedSet) -> CalibrationRow:
        return name, compute_metrics(embedded, reference), len(embedded.first.features)

    rows = [("floor", floor(real, other, train, settings, numbers), len(images))]
    if classes:
        test = reference_of(features, "test", numbers=numbers)
        side = FeatureSide(test, test, settings, stream=0, numbers=numbers)
        names = [m.name for m in METRICS if m.name in ("modes", "confident") and m.needs_classes <= len(classes)]
        own = {name: FUNCTIONS[name](FeatureComparison(side, side)) for name in names}
        rows.append(("test", own, len(test.features)))
    rows += [row(f"blur_{width:g}", embedder.embed(batches(blurred(others, width)))) for width in BLUR_WIDTHS]
    if len(classes) > 1:
        places = np.searchsorted(classes, labels)  # among the classes that there are
        remaining = remaining_images(places, len(classes), max(settings.neighbours, real.dim))
        rows += [row(f"drop_{k}", subset(other, index, settings)) for k, index in remaining.items()]
    say_left_out(len(classes))
    gaussian = pixel_gaussian(train, samples, np.random.default_rng(SEED))
    return [*rows, row("pixel_gaussian", embedder.embed(batches(gaussian)))]


@dataclass(frozen=True)
class RealImages:
    """Real images (N, C, H, W), and the same embedded."""

    embedded: EmbeddedSet
    images: Array

    @property
    def dim(self) -> int:
        """Features of an image."""
        return self.embedded.first.features.shape[1]


def merge(a: RealImages, b: RealImages) -> RealImages:
    """Both sets as one, without `pixels.samples`, which `subset` takes from the images."""
    first, second = (concatenate([getattr(side.embedded, which) for side in (a, b)]) for which in ("first", "second"))
    projections = np.concatenate([side.embedded.pixels.projections for side in (a, b)])
    images = np.concatenate([a.images, b.images])
    return RealImages(EmbeddedSet(first, second, Pixels(projections, flat(images[:0]))), images)


def subset(real: RealImages, index: NDArray[np.integer], settings: Evaluate) -> EmbeddedSet:
    """Some of the images, embedded. index: (n,)."""
    full = real.embedded
    pixels = Pixels(full.pixels.projections[index], flat(real.images[index[: settings.transport_samples]]))
    return EmbeddedSet(full.first.subset(index), full.second.subset(index), pixels)


def floor(
    a: RealImages, b: RealImages, train: Array, settings: Evaluate, numbers: tuple[int, ...] = ()
) -> dict[str, float]:
    """Each metric of one half of all real images against the other, the median over FLOOR_SPLITS random splits."""
    both, rng, half = merge(a, b), np.random.default_rng(SEED), len(a.images)
    splits = []
    for _ in range(FLOOR_SPLITS):
        order = rng.permutation(len(both.images))
        one, other = (subset(both, index, settings) for index in (order[:half], order[half:]))
        real = real_reference(other, train, both.images[order[half:]], settings, numbers)
        splits.append(compute_metrics(one, real))
    return {metric: float(np.median([values[metric] for values in splits])) for metric in splits[0]}


def blurred(images: np.ndarray, width: float) -> np.ndarray:
    """Images (N, C, H, W) under a Gaussian blur of this standard deviation in pixels, edge values repeated."""
    return gaussian_filter(images, sigma=(0, 0, width, width), mode="nearest")


def dropped_classes(classes: int) -> list[int]:
    """How many of the first classes to drop: one, about a third, and half; of ten 1, 3 and 5, of two only 1."""
    return sorted({1, 3 * classes // 10, classes // 2} - {0})


def remaining_images(labels: Array, classes: int, too_few: int) -> dict[int, Array]:
    """How many classes are dropped → indices of the images of the others; without rows of at most `too_few` images.

    labels: (N,), from 0 on, of which classes 0 to k - 1 are dropped. Says which rows are left out.
    """
    remaining = {k: np.flatnonzero(labels >= k) for k in dropped_classes(classes)}
    for k, index in remaining.items():
        if len(index) <= too_few:
            needs = f"evaluate.neighbours and features.dim ask for more than {too_few}"
            print(f"calibration: row drop_{k} is left out: {len(index)} images; {needs}", file=sys.stderr)
    return {k: index for k, index in remaining.items() if len(index) > too_few}


def say_left_out(classes: int) -> None:
    """Say which metrics one single class leaves without a meaning, and why: scores have no line of them either."""
    if classes == 1:
        names = ", ".join(metric.name for metric in METRICS if metric.needs_classes > 1)
        print(f"calibration: {names} and the rows drop are left out: data.classes is a single one", file=sys.stderr)


def pixel_gaussian(images: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Samples of the Gaussian with the mean and full covariance of these images' pixels, clipped to [-1, 1].

    images: (N, C, H, W), of which at most GAUSSIAN_FIT_IMAGES are used; returns (samples, C, H, W) float32. A
    combination of the centred images with weights from N(0, 1/(N - 1)) has exactly this covariance, which is therefore
    never computed.
    """
    chosen = np.sort(rng.permutation(len(images))[:GAUSSIAN_FIT_IMAGES])
    pixels = images[chosen].reshape(len(chosen), -1)  # (N, C, H, W) → (N, C·H·W)
    mean = pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
    pixels -= mean
    drawn = np.empty((samples, pixels.shape[1]), dtype=np.float32)
    for start in range(0, samples, 1000):  # all the weights at once would be as large as the images
        part = drawn[start : start + 1000]
        weights = rng.standard_normal((len(part), len(pixels)), dtype=np.float32)
        part[:] = mean + weights @ pixels / np.float32(np.sqrt(len(pixels) - 1))
    return drawn.clip(-1, 1).reshape(samples, *images.shape[1:])
