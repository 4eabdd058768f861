"""What a process prints must not end it: the reader may go away, and the disk of a log may be full."""

import sys
from contextlib import suppress
from typing import TextIO


class _UnfailingStream:
    """A text stream that drops what cannot be written; in all else the stream that it wraps."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # a broken pipe, a terminal that was closed, a full disk; a closed file
            return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


def drop_what_cannot_be_written(*names: str) -> None:
    """Let nothing that this process prints to sys.stdout or sys.stderr raise an error. names: of these two."""
    for name in names:
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _UnfailingStream):
            setattr(sys, name, _UnfailingStream(stream))
