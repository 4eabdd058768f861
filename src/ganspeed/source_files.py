"""The package's own files, by the hashes that they had when this process imported the package.

The package imports this module before any other: what a process trains and scores with is what is hashed here, even if
a file is edited while the process runs. A module that is imported later may come from an edited file, hence
`refuse_edited`.
"""

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ganspeed.errors import UserError

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


def imported() -> list[str]:
    """The files of the modules that this process has imported of the package."""
    files = (getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("ganspeed"))
    paths = (Path(file) for file in files if file)
    return [path.relative_to(PACKAGE).as_posix() for path in paths if path.is_relative_to(PACKAGE)]


def refuse_edited(sources: Mapping[str, str | None]) -> None:
    """Raise UserError unless these sources (file → SHA-256) are what this process has imported; call it after that.

    A file that has its first hash after the import had it in between as well. It is looked at once: later edits of it
    change nothing in this process.
    """
    edited = [name for name, digest in sources.items() if digest != HASHES.get(name) or not _is_as_imported(name)]
    if edited:
        raise UserError(
            f"{PACKAGE}: {', '.join(edited)} changed after this work was planned; finished work is saved: run again"
        )


@cache
def _is_as_imported(name: str) -> bool:
    return sha256(PACKAGE / name) == HASHES.get(name)
