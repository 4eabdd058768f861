"""Checks of files and labels of the published data sets."""

import hashlib

import numpy as np

from ganspeed.data.pictures import DataError, looks_like_html


def check_published(name: str, content: bytes, n: int, published_n: int, md5: str) -> None:
    """Raise DataError for a file with as many pictures as the published one but other bytes.

    With another number it is the user's own subset in the published format; the manifest's hashes identify it.
    """
    seen = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if n == published_n and seen != md5:
        raise DataError(f"{name}: damaged: md5 {seen}, but the published file has {md5}; delete it and download again")


def damaged(name: str, content: bytes, expected: str) -> DataError:
    """The error for a file that is not in its format. expected: the format."""
    if not content:
        return DataError(f"{name}: an empty file, not {expected}")
    if looks_like_html(content):
        return DataError(f"{name}: an HTML page, not {expected}; a download must have failed")
    return DataError(f"{name}: damaged or truncated, not {expected}")


def check_labels(name: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """The labels as int64 (N,). Raises DataError for a label outside [0, classes)."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise DataError(f"{name}: label {wrong[0]} is not one of 0 to {classes - 1}")
    return labels.astype(np.int64)
