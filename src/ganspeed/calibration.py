"""What the metrics say of images whose quality is known: the rows that a variant's scores are read beside.

`floor`: real against real, the least that a score can be expected to reach. `test`: the real test images themselves,
as far as that needs no second set. `blur_<width>`, `drop_<k>`: held-out real images blurred, or without k classes.
`pixel_gaussian`: samples of the Gaussian fitted to the pixels of train.
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from ganspeed import data
from ganspeed.features import batches, embed, load_classifier, load_reference, one_thread
from ganspeed.files import write_text
from ganspeed.metrics import Embedded, all_metrics, class_counts, confident_share, modes
from ganspeed.params import Evaluate

COLUMNS = ("dataset", "row", "metric", "value", "n")
HALVINGS = 20  # random splits behind the floor, of which the median is told
BLUR_WIDTHS = (0.5, 1.0, 2.0)  # standard deviations, in pixels
FITTED = 10_000  # training images, at most, that the pixel Gaussian is fitted to
SEED = 0

Row = tuple[str, dict[str, float], int]  # name, metrics, images


def calibrate(dataset: str, prepared: Path, features: Path, settings: Evaluate, samples: int, out: Path) -> None:
    """Write the calibration rows of one data set as a tidy table with COLUMNS, in a fixed order.

    `settings.split` is what everything is held against, the other one of val and test what is blurred and thinned;
    `samples` is the number of pixel-Gaussian images.
    """
    with one_thread():
        rows = calibration_rows(prepared, features, settings, samples)
    lines = [",".join(COLUMNS)]
    for name, values, n in rows:
        lines += [f"{dataset},{name},{metric},{value!r},{n}" for metric, value in values.items()]
    write_text(out, "\n".join(lines) + "\n")


def calibration_rows(prepared: Path, features: Path, settings: Evaluate, samples: int) -> list[Row]:
    """The rows in order: floor, test, blurs, drops, pixel_gaussian. Without classes there are no test and drops."""
    classifier = load_classifier(features)
    held_out = "val" if settings.split == "test" else "test"
    (real, _), (other, other_labels) = (load_reference(features, split) for split in (settings.split, held_out))
    images, _ = data.load(prepared, held_out)

    def against_real(name: str, embedded: Embedded) -> Row:
        return name, all_metrics(embedded, real, settings), len(embedded.features)

    rows = [("floor", floor(real, other, settings), len(real.features))]
    if real.probabilities is not None:
        test, _ = load_reference(features, "test")
        rows.append(("test", themselves(test.probabilities, settings), len(test.features)))
    rows += [
        against_real(f"blur_{width:g}", embed(classifier, batches(blurred(images, width)))) for width in BLUR_WIDTHS
    ]
    if real.probabilities is not None:
        classes = real.probabilities.shape[1]
        rows += [against_real(f"drop_{k}", other.subset(other_labels >= k)) for k in dropped_classes(classes)]
    train, _ = data.load(prepared, "train")
    gaussian = pixel_gaussian(train, samples, np.random.default_rng(SEED))
    return [*rows, against_real("pixel_gaussian", embed(classifier, batches(gaussian)))]


def floor(a: Embedded, b: Embedded, settings: Evaluate) -> dict[str, float]:
    """Each metric of one half of the pooled real images against the other, the median of HALVINGS random halvings."""
    has_classes = a.probabilities is not None
    pooled = Embedded(
        np.concatenate([a.features, b.features]),
        np.concatenate([a.probabilities, b.probabilities]) if has_classes else None,
    )
    rng, half = np.random.default_rng(SEED), len(a.features)
    draws = []
    for _ in range(HALVINGS):
        order = rng.permutation(len(pooled.features))
        draws.append(all_metrics(pooled.subset(order[:half]), pooled.subset(order[half:]), settings))
    return {metric: float(np.median([draw[metric] for draw in draws])) for metric in draws[0]}


def themselves(probabilities: np.ndarray, settings: Evaluate) -> dict[str, float]:
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
    chosen = np.sort(rng.permutation(len(images))[:FITTED])
    pixels = images[chosen].reshape(len(chosen), -1)  # (N, C, H, W) → (N, C·H·W)
    mean = pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
    pixels -= mean
    drawn = np.empty((samples, pixels.shape[1]), dtype=np.float32)
    for start in range(0, samples, 1000):  # all the weights at once would be as large as the images
        part = drawn[start : start + 1000]
        weights = rng.standard_normal((len(part), len(pixels)), dtype=np.float32)
        part[:] = mean + weights @ pixels / np.float32(np.sqrt(len(pixels) - 1))
    return drawn.clip(-1, 1).reshape(samples, *images.shape[1:])
