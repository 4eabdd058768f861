"""What a process prints must not end it: the reader may go away, and the disk of a log may be full."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from ganspeed.errors import UserError


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


class _ResultStream:
    """A text stream whose reader may go away, but whose other errors are told; in all else the stream that it wraps."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        with self._told():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._told():
            self._stream.flush()

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still in the buffer would raise again when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if not isinstance(error, BrokenPipeError):
                raise UserError(
                    f"standard output: {error.strerror}; what was printed there is lost, files are as the command "
                    "leaves them"
                ) from None


def tell_what_cannot_be_printed() -> None:
    """Raise UserError where sys.stdout takes no result of a command, but go on when its reader has gone away."""
    if sys.stdout is not None and not isinstance(sys.stdout, _ResultStream):
        sys.stdout = _ResultStream(sys.stdout)
