"""What Pillow leaves to libtiff, or out, of a TIFF: lines on stderr that name no file, and the kind of its numbers."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SAMPLE_FORMAT = 339
UNSIGNED = 1  # of SAMPLE_FORMAT; 2 is signed, and of others in 8 bits Pillow reads none


@contextmanager
def held_back(content: bytes) -> Iterator[list[str]]:
    """While a TIFF is decoded, what libtiff prints to stderr goes to this list instead, filled at the end.

    Of this process only, and of all of its threads.
    """
    said: list[str] = []
    if not content.startswith(SIGNATURES):
        yield said
        return
    with tempfile.TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines = file.read().decode("utf-8", "replace").splitlines()
            said += [line.removeprefix("tempfile.tif: ") for line in lines]


def refuse_signed(opened: Image.Image) -> None:
    """Raise ValueError for signed numbers of 8 bits, which Pillow reads as unsigned ones."""
    formats = opened.tag_v2.get(SAMPLE_FORMAT, (UNSIGNED,))
    if not {*formats} <= {UNSIGNED}:
        raise ValueError("its values are signed numbers; allowed: unsigned ones; convert it first")
