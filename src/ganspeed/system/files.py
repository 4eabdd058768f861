"""Atomic writes, JSON and hashes of files."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ganspeed.errors import UserError


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with a temporary path beside `path`, flush the file to the disk and rename it to `path`.

    Raises UserError naming `path` when the disk is full or refuses the file; an existing file is then unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)  # the folder's entry as well
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: not written: {reason}; existing files are unchanged, run again once this is fixed"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's entries, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files below the folder that `write_atomically` leaves when its process is killed."""
    for path in folder.rglob(".*.tmp"):
        path.unlink()


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
    return json.loads(path.read_text(encoding="utf-8"))


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


def replace_folder(new: Path, old: Path) -> None:
    """Move the folder `new` to `old`, replacing what is there; for an instant a reader may see neither."""
    old.parent.mkdir(parents=True, exist_ok=True)
    replaced = old.with_name(f".{old.name}.{os.getpid()}.old")
    if old.exists():
        os.replace(old, replaced)
    os.replace(new, old)
    shutil.rmtree(replaced, ignore_errors=True)
