"""Atomic writes and moves, JSON and hashes of files."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError
from safetensors import SafetensorError

from ganspeed.errors import UserError

TEMPORARY = re.compile(r"\..+\.(\d+)\.(tmp|old)")  # with the number of its process; see `_beside`
# How drives say that they cannot flush: network and shared ones often cannot flush a folder.
NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES}


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with a temporary path beside `path`, flush the file to the disk and rename it to `path`.

    Raises UserError naming `path` when the disk is full or refuses the file; an existing file is then unchanged.
    """
    temporary = _beside(path, "tmp")
    try:
        with _not_written(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            _flush(temporary)
            os.replace(temporary, path)
    finally:
        with suppress(OSError):  # on a read-only drive even to remove what is not there is refused
            temporary.unlink(missing_ok=True)
    try:
        _flush(path.parent)  # the folder's entry as well
    except OSError as error:
        raise UserError(
            f"{path}: written, but a power cut may undo it: its folder was not flushed: {error.strerror}"
        ) from None


@contextmanager
def _not_written(path: Path) -> Iterator[None]:
    """Word the errors of writing `path`: those of `write` name no file themselves."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: not written: {reason}; existing files are unchanged, run again once this is fixed"
        ) from None


def move(source: Path, target: Path) -> None:
    """Move a file or a folder to `target` and replace what is there; for an instant a reader may see neither.

    By renaming it. To another file system it is copied, flushed, renamed there, and `source` is removed last: a kill
    leaves one of the two whole. So is what holds links, such as those into DVC's cache: files are moved, not links.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if _holds_links(source) or not _rename(source, target):
        copied = _beside(target, "tmp")
        _remove(copied)
        try:
            copy(source, copied)
            _rename(copied, target)
        finally:
            _remove(copied)
        _flush(target.parent)
        _remove(source)


def _holds_links(path: Path) -> bool:
    return path.is_symlink() or any(inner.is_symlink() for inner in path.rglob("*"))


def _rename(source: Path, target: Path) -> bool:
    """Rename and replace what is there; False, nothing changed, where they are on different file systems."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        replaced = _beside(target, "old")
        if not _rename(target, replaced):  # a folder of a container's image: on another file system than its parent
            shutil.rmtree(target)
        os.replace(source, target)
        shutil.rmtree(replaced, ignore_errors=True)
    return True


def copy(source: Path, target: Path) -> None:
    """Copy the contents of a file or a folder, flushed; not permissions and links: DVC's are read-only or links."""
    with _not_written(target):
        if source.is_dir():
            target.mkdir()
            for child in sorted(source.iterdir()):
                copy(child, target / child.name)
        else:
            shutil.copyfile(source, target)
        _flush(target)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, hence on its file system; removed at the end if it is still there.

    Those that killed processes left beside `path` are removed.
    """
    folder = _beside(path, "tmp")
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        found = TEMPORARY.fullmatch(left.name)
        if left == folder or (found and not psutil.pid_exists(int(found[1]))):
            _remove(left)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(folder: Path, spare_running: bool = False) -> None:
    """Remove the temporary files and folders below `folder` that a killed process left there.

    spare_running: except those of a process that is running, which may be writing them now.
    """
    for path in sorted(folder.rglob(".*")):
        found = TEMPORARY.fullmatch(path.name)
        if found and not (spare_running and psutil.pid_exists(int(found[1]))):
            _remove(path)


def _beside(path: Path, suffix: str) -> Path:
    """The temporary name of this process for `path`; a process that was killed may have left something there."""
    return path.with_name(f".{path.name}.{os.getpid()}.{suffix}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's entries, would survive a power cut, on drives that can do this."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any, compact: bool = False) -> None:
    """Write JSON atomically, keys sorted; raises ValueError for NaN and infinity.

    compact: on one line, for tables that nobody reads line by line.
    """
    layout = {"separators": (",", ":")} if compact else {"indent": 2}
    write_text(path, json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False, **layout) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UserError naming a file that holds no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: damaged: {error}") from None


@contextmanager
def reading(path: Path, remedy: str) -> Iterator[None]:
    """Word what goes wrong while the content of `path` is read and taken apart: damage, or another shape than expected.

    Raises UserError naming the file, what is wrong and `remedy`, what to do about it.
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except UserError as error:  # of `read_json`, which names the file
        raise UserError(f"{error}; {remedy}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: damaged: {_reason(error):.200}; {remedy}") from None


def _reason(error: Exception) -> str:
    """What is wrong with a content, on one line."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'all of it'}: {e['msg']}" for e in error.errors())
    return f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())


def read_json_if_exists(path: Path) -> Any:
    """The content of a JSON file, None where there is no such file."""
    return read_json(path) if path.exists() else None


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of canonical JSON: sorted keys, no spaces; raises ValueError for NaN and infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
