"""The chunks of a PNG: its depth, and the file without what holds no pixels."""

from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Needed beside critical chunks, whose names begin with a capital letter: transparency, and what says which way is up
NEEDED = (b"tRNS", b"eXIf", b"iTXtXML:com.adobe.xmp\0\0")


def chunks(content: bytes) -> Iterator[bytes]:
    """The chunks of a PNG from their names on: name, data and checksum. The last one may be cut short."""
    start = len(SIGNATURE)
    while start + 8 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        yield content[start + 4 : end]
        start = end


def bit_depth(content: bytes) -> int:
    """Bits of a sample, from the header chunk; 0 without one."""
    return next((chunk[12] for chunk in chunks(content) if chunk.startswith(b"IHDR") and len(chunk) > 12), 0)


def essential(content: bytes) -> bytes:
    """The same picture without texts, colour profiles and the like, which need not be sound to see it."""
    needed = [chunk for chunk in chunks(content) if chunk[:1].isupper() or chunk.startswith(NEEDED)]
    return SIGNATURE + b"".join((len(chunk) - 8).to_bytes(4, "big") + chunk for chunk in needed)
