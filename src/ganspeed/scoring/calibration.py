"""What the metrics say of images whose quality is known: the rows that a variant's scores are read beside.

`floor`: real against real, the least that a score can be expected to reach. `test`: the real test images themselves,
as far as that needs no second set. `blur_<width>`, `drop_<k>`: held-out real images blurred, or without k classes.
`pixel_gaussian`: samples of the Gaussian fitted to the pixels of train.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from ganspeed.data.prepared import load_split
from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.classifier import batches, load_reference
from ganspeed.scoring.embedder import EmbeddedSet, concatenate, embed_split, load_embedder
from ganspeed.scoring.feature_metrics import class_counts, confident_share, modes
from ganspeed.scoring.metrics import all_metrics
from ganspeed.scoring.pixel_metrics import Array, Pixels
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import one_thread, reproducible
from ganspeed.system.files import write_text

CALIBRATION_COLUMNS = ("dataset", "row", "metric", "value", "n")
FLOOR_SPLITS = 20  # random splits behind the floor, of which the median is told
BLUR_WIDTHS = (0.5, 1.0, 2.0)  # standard deviations, in pixels
GAUSSIAN_FIT_IMAGES = 10_000  # training images, at most, that the pixel Gaussian is fitted to
SEED = 0

CalibrationRow = tuple[str, dict[str, float], int]  # name, metrics, images


def calibrate(dataset: str, prepared: Path, features: Path, settings: Evaluate, samples: int, out: Path) -> None:
    """Write the calibration rows of one data set as a tidy table with COLUMNS, in a fixed order.

    `settings.split` is what everything is held against, the other one of val and test what is blurred and thinned;
    `samples` is the number of pixel-Gaussian images.
    """
    retain_freed_blocks()
    reproducible()
    with one_thread():
        rows = calibration_rows(prepared, features, settings, samples)
    lines = [",".join(CALIBRATION_COLUMNS)]
    for name, values, n in rows:
        lines += [f"{dataset},{name},{metric},{value!r},{n}" for metric, value in values.items()]
    write_text(out, "\n".join(lines) + "\n")


def calibration_rows(prepared: Path, features: Path, settings: Evaluate, samples: int) -> list[CalibrationRow]:
    """The rows in order: floor, test, blurs, drops, pixel_gaussian. Without classes there are no test and drops."""
    lens, held_out = load_embedder(features, settings), "val" if settings.split == "test" else "test"
    (train, _), (images, _), (others, labels) = (load_split(prepared, s) for s in ("train", settings.split, held_out))
    real, other = (embed_split(features, s, x, lens) for s, x in ((settings.split, images), (held_out, others)))
    near = pixel_metrics.references(train, images)

    def against_real(name: str, view: EmbeddedSet) -> CalibrationRow:
        return name, all_metrics(view, real, near, settings), len(view.first.features)

    rows = [("floor", floor(RealImages(real, images), RealImages(other, others), train, settings), len(images))]
    if real.first.probabilities is not None:
        test, _ = load_reference(features, "test")
        rows.append(("test", own_metrics(test.probabilities, settings), len(test.features)))
    rows += [against_real(f"blur_{width:g}", lens.view(batches(blurred(others, width)))) for width in BLUR_WIDTHS]
    if real.first.probabilities is not None:
        for k in dropped_classes(real.first.probabilities.shape[1]):
            rows.append(
                against_real(f"drop_{k}", subset(RealImages(other, others), np.flatnonzero(labels >= k), lens.keep))
            )
    gaussian = pixel_gaussian(train, samples, np.random.default_rng(SEED))
    return [*rows, against_real("pixel_gaussian", lens.view(batches(gaussian)))]


@dataclass(frozen=True)
class RealImages:
    """Real images: their view, and all of them (N, C, H, W)."""

    view: EmbeddedSet
    images: Array


def pool_images(a: RealImages, b: RealImages) -> RealImages:
    """Both sets as one; only the projections of its pixels are kept, since `subset` takes whole images anew."""
    first, second = (concatenate([getattr(side.view, which) for side in (a, b)]) for which in ("first", "second"))
    projected = np.concatenate([side.view.pixels.projected for side in (a, b)])
    images = np.concatenate([a.images, b.images])
    return RealImages(EmbeddedSet(first, second, Pixels(projected, pixel_metrics.flat(images[:0]))), images)


def subset(real: RealImages, index: Array, keep: int) -> EmbeddedSet:
    """The view of some of the images, the first `keep` of them kept whole."""
    shown = Pixels(real.view.pixels.projected[index], pixel_metrics.flat(real.images[index[:keep]]))
    return EmbeddedSet(real.view.first.subset(index), real.view.second.subset(index), shown)


def floor(a: RealImages, b: RealImages, train: Array, settings: Evaluate) -> dict[str, float]:
    """Each metric of one half of the pooled real images against the other, the median of HALVINGS random halvings."""
    both, rng, half = pool_images(a, b), np.random.default_rng(SEED), len(a.images)
    draws = []
    for _ in range(FLOOR_SPLITS):
        order = rng.permutation(len(both.images))
        halves = (subset(both, part, settings.transport_samples) for part in (order[:half], order[half:]))
        near = pixel_metrics.references(train, both.images[order[half:]])
        draws.append(all_metrics(*halves, near, settings))
    return {metric: float(np.median([draw[metric] for draw in draws])) for metric in draws[0]}


def own_metrics(probabilities: np.ndarray, settings: Evaluate) -> dict[str, float]:
    """What the classifier says of real images, no second set needed. probabilities: (N, K)."""
    return {
        "modes": float(modes(class_counts(probabilities), settings.mode_min_count)),
        "confident": confident_share(probabilities, settings.confidence),
    }


def blurred(images: np.ndarray, width: float) -> np.ndarray:
    """Images (N, C, H, W) under a Gaussian blur of this standard deviation in pixels, borders continued."""
    return gaussian_filter(images, sigma=(0, 0, width, width), mode="nearest")


def dropped_classes(classes: int) -> list[int]:
    """How many of the first classes to leave out, one, about a third and half: of ten 1, 3 and 5, of two only 1."""
    return sorted({1, 3 * classes // 10, classes // 2} - {0})


def pixel_gaussian(images: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Samples of the Gaussian with the mean and full covariance of these images' pixels, clipped to [-1, 1].

    images: (N, C, H, W), of which at most FITTED enter; returns (samples, C, H, W) float32. A combination of the
    centred images with weights from N(0, 1/(N - 1)) has just this covariance, which so is never formed.
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
