"""What every kind of source hands over: labelled pictures, read one at a time, and where they come from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganspeed.errors import UserError


class DataError(UserError):
    """A data set cannot be read, or a prepared one is not what its manifest says; the text names the file or key."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, in the order of their source.

    labels: int64 (N,); read: index → float32 (C, H, W) in [-1, 1], raising DataError for a picture that is damaged.
    """

    labels: np.ndarray
    read: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Source:
    """A data set before it is cut.

    origin: what was read, for the manifest, without absolute paths; classes: their names, () when there are none;
    parts: the published parts, of which `train` is always there and `val` and `test` are drawn from it otherwise.
    """

    origin: dict[str, Any]
    classes: tuple[str, ...]
    parts: dict[str, Pictures]


def looks_like_html(head: bytes) -> bool:
    """Whether a file begins as a web page does: the usual result of a download that failed with a polite message."""
    return head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
