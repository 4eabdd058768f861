"""The package's own files, by the hashes that they had when this process imported the package.

The package imports this module before any other: what a process trains and scores with is what is hashed here, even if
a file is edited while the process runs. A module that is imported later may come from an edited file: see `edited`.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
LITTER = ("*.pyc", "*.swp", "*~", ".DS_Store")


def package_files() -> list[str]:
    """The files of the package, relative to it, as DVC hashes them."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not is_litter(path))


def is_litter(path: Path) -> bool:
    """Whether a file among sources is one of Python's caches, or an editor's or a system's; see .dvcignore."""
    return "__pycache__" in path.parts or any(map(path.match, LITTER))


def sha256(path: Path) -> str | None:
    """The hash of a file as it is now; None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


HASHES: dict[str, str | None] = {name: sha256(PACKAGE / name) for name in package_files()}


def edited(sources: Mapping[str, str]) -> list[str]:
    """Those of these sources (file → SHA-256) that are not what this process imported; to be called after the import.

    A file that has its first hash after the import had it in between as well. It is looked at once: later edits of it
    change nothing in this process.
    """
    return [name for name, digest in sources.items() if digest != HASHES.get(name) or not _is_as_imported(name)]


@cache
def _is_as_imported(name: str) -> bool:
    return sha256(PACKAGE / name) == HASHES.get(name)
