"""The training images of a run: those of the prepared split train that both players see."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganspeed.data.pictures import DataError
from ganspeed.data.prepared import load_split


def load_training_set(
    folder: Path, limit: int | None = None, denoise: int = 1, numbers: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Images, float32 (N, C, H, W) in [-1, 1], and labels, int64 (N,), that G and D are trained on.

    limit: the first so many. The order within a prepared split is random, by the data set's split_seed, so that they
    are a random sample, the same for every run, and a larger one contains a smaller. denoise: as `denoised`.
    numbers: of the classes that are asked for, () for all. Raises DataError where there are fewer images, or as
    `load_split`.
    """
    images, labels = load_split(folder, "train", numbers)
    if limit is not None and limit > len(images):
        key = f"datasets.{folder.name}.train.limit"
        which = "training images" + (" of data.classes" if numbers else "")
        raise DataError(f"{key}: {limit:,} is not <= {len(images):,}, the {which} in {folder}")
    return denoised(images[:limit], denoise), labels[:limit]


def denoised(images: np.ndarray, side: int) -> np.ndarray:
    """Each pixel of images (N, C, H, W) replaced by the median of the square of this odd side around it, by channel.

    Beyond its edge an image is mirrored, edge pixels included. A median removes single pixels and keeps edges, which a
    mean would blur. A side of 1 returns the images themselves.
    """
    if side == 1:
        return images
    from scipy.ndimage import median_filter  # the import takes its time, and few runs need it

    return median_filter(images, size=(1, 1, side, side), mode="reflect")
