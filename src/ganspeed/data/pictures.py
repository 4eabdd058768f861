"""Source, what every reader returns: labelled pictures, read one at a time, and their origin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganspeed.errors import UserError

NAMED = 10  # bad files in one message


class DataError(UserError):
    """A data set cannot be read, or a prepared one does not match its manifest; names the file or key."""


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures, in the order of their source.

    labels: int64 (N,); shape: of a picture, (C, H, W); read: index → float32 of that shape in [-1, 1], raises DataError
    that begins with the name of a damaged picture.
    """

    labels: np.ndarray
    shape: tuple[int, int, int]
    read: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Source:
    """A data set before it is split.

    origin: what was read, for the manifest, without absolute paths; classes: their names, () when there are none;
    parts: the published splits: always `train`; where `val` or `test` is missing, it is drawn from `train`.
    refuse_changed: raises DataError if the files are no longer those of `origin`; to be called after the last picture.
    """

    origin: dict[str, Any]
    classes: tuple[str, ...]
    parts: dict[str, Pictures]
    refuse_changed: Callable[[], None] = lambda: None  # for a source that was in memory when it was hashed


def refuse_all(messages: list[str]) -> None:
    """Raise one DataError for all of these messages: the first ten, in the order of the names they begin with.

    Nothing is raised where there are none.
    """
    if messages:
        first, more = sorted(messages)[:NAMED], len(messages) - NAMED
        raise DataError("\n".join([*first, f"and {more} more, {len(messages)} in all"] if more > 0 else first))


def looks_like_html(head: bytes) -> bool:
    """Whether a file begins like a web page: some servers answer a failed download with one."""
    return head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
