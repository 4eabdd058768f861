"""The bytes of a folder, to be compared."""

import hashlib
from pathlib import Path


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file, by its path in the folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
