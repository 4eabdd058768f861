"""Scikit-learn's digits: 1797 pictures of 8×8 with 17 grey levels, part of the package, nothing to download."""

import hashlib

import numpy as np

from ganspeed.data.pictures import Pictures, Source


def read_digits() -> Source:
    """All digits as one part, scaled by x/8 - 1: float32 (1, 8, 8) in [-1, 1]."""
    from sklearn.datasets import load_digits  # takes a second, and no other source needs it

    bunch = load_digits()
    images = (bunch.images[:, None] / 8 - 1).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    content = bunch.images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    sha256 = hashlib.sha256(content).hexdigest()
    origin = {"kind": "digits", "read": "sklearn.datasets.load_digits", "sha256": sha256}
    pictures = Pictures(labels, images.shape[1:], lambda index: images[index])
    return Source(origin, tuple(map(str, bunch.target_names)), {"train": pictures})
