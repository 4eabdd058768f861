"""Source, what every reader returns: labelled pictures, read one at a time, and their origin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganspeed.errors import UserError


class DataError(UserError):
    """A data set cannot be read, or a prepared one does not match its manifest; names the file or key."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, in the order of their source.

    labels: int64 (N,); read: index → float32 (C, H, W) in [-1, 1], raises DataError for a damaged picture.
    """

    labels: np.ndarray
    read: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Source:
    """A data set before it is split.

    origin: what was read, for the manifest, without absolute paths; classes: their names, () when there are none;
    parts: the published splits: always `train`; where `val` or `test` is missing, it is drawn from `train`.
    """

    origin: dict[str, Any]
    classes: tuple[str, ...]
    parts: dict[str, Pictures]


def looks_like_html(head: bytes) -> bool:
    """Whether a file begins like a web page: some servers answer a failed download with one."""
    return head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
