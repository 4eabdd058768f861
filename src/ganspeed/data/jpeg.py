"""The segments of a JPEG before its pixels: the file without what holds no pixels."""

SIGNATURE = b"\xff\xd8"
SCAN, EXIF, ADOBE = 0xDA, 0xE1, 0xEE  # pixels; which way is up; which colours they are
ADOBE_BYTES = 16  # of that segment, at least
WITHOUT_PIXELS = {*range(0xE0, 0xF0), 0xFE}  # thumbnails, colour profiles, comments and the like


def essential(content: bytes) -> bytes:
    """The same picture without what need not be sound to see it."""
    needed, start = [SIGNATURE], len(SIGNATURE)
    while content[start : start + 1] == b"\xff" and content[start + 1 : start + 2] not in (b"", bytes([SCAN])):
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        if _is_needed(content[start + 1], end - start):
            needed.append(content[start:end])
        start = end
    return b"".join(needed) + content[start:]


def _is_needed(marker: int, size: int) -> bool:
    return marker not in WITHOUT_PIXELS or marker == EXIF or (marker == ADOBE and size >= ADOBE_BYTES)
