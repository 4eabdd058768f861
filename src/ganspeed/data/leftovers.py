"""Temporary folders that leave nothing behind: what a killed process could not remove, the next one does."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """The path beside `target` of a folder that the caller makes, and that is removed with all that is still in it.

    Those that killed processes left beside `target` are removed first, those of living ones are not.
    """
    _remove_leftovers(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_leftovers(target: Path) -> None:
    """Remove `.<name>.<process id>.tmp`; and `.old`, which `replace_folder` moves aside, if its successor is there."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.(\d{{1,9}})\.({'tmp|old' if target.exists() else 'tmp'})")
    for path in target.parent.iterdir() if target.parent.is_dir() else ():
        if (match := pattern.fullmatch(path.name)) and not _is_alive(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    """Whether another process has this number; this one has begun nothing yet."""
    return process != os.getpid() and psutil.pid_exists(process)
