"""Damage as a disk does it: to the bytes of a file, whatever its permissions."""

from pathlib import Path


def flip(path: Path, where: int = -1) -> None:
    """Change one bit of the byte at this index, in a file that may be read-only."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    path.chmod(mode)
