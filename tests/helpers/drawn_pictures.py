"""Picture files drawn at random: modes, depths, EXIF, texts, names and damage, as people's folders have them."""

import io
import os
import random
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from made_up_pictures import BROKEN_EXIF, deep_png, deep_ppm, deep_tiff, with_chunk
from PIL import Image

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
DEEP_MODES = ("I;16", "I", "F")
SUFFIXES = {
    "PNG": (".png", ".PNG"),
    "JPEG": (".jpg", ".JPG", ".jpeg", ".jpe", ".jfif"),
    "TIFF": (".tif", ".tiff", ".TIFF"),
    "WEBP": (".webp",),
    "GIF": (".gif", ".Gif"),
    "BMP": (".bmp",),
    "PPM": (".ppm", ".pgm", ".pnm"),
}
STEMS = ("a", "a b", "-x", "a..b", "#1", "%41", "ä", "写真", "a:b", "a'\"b", "x" * 200, "$HOME", "a\\b", "12:00:01")
STRANGE_SUFFIXES = ("", ".heic", ".jpg_large", ".png~", ".db", ".png.part")


@dataclass(frozen=True)
class Drawn:
    """A file and what must become of it: `read`, `refused`, or `either` of them."""

    name: str
    content: bytes
    fate: str


def draw(seed):
    """The file of this seed. The same seed gives the same file."""
    rng = random.Random(seed)
    content, suffix, fate = _deep(rng) if rng.random() < 0.2 else _written_by_pillow(rng)
    if suffix.lower() == ".png" and rng.random() < 0.4:
        content = _with_texts(rng, content)
    content, fate = _damaged(rng, content, fate)
    if rng.random() < 0.1:
        suffix, fate = rng.choice(STRANGE_SUFFIXES), "refused"
    return Drawn(rng.choice(STEMS) + suffix, content, fate)


def _deep(rng):
    """More than 8 bits a channel, in files that Pillow reads but does not write."""
    suffix, channels, write = rng.choice(
        [(".png", rng.randint(1, 4), deep_png), (".ppm", 3, deep_ppm), (".tiff", 3, deep_tiff)]
    )
    samples = np.random.default_rng(rng.randrange(2**32)).integers(0, 2**16, (*_size(rng), channels))
    return write(samples), suffix, "refused"


def _written_by_pillow(rng):
    """A mode and a format that go together, with EXIF or not."""
    while True:
        mode, kind = rng.choice(MODES), rng.choice(list(SUFFIXES))
        buffer = io.BytesIO()
        try:
            with warnings.catch_warnings(action="ignore"):  # of broken EXIF
                _picture(rng, mode).save(buffer, kind, **_exif(rng, kind))
                written = Image.open(buffer).mode
        except Exception:  # noqa: BLE001 this format has no such mode, or Pillow does not write such EXIF
            continue
        return buffer.getvalue(), rng.choice(SUFFIXES[kind]), "refused" if written in DEEP_MODES else "read"


def _picture(rng, mode):
    noise = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (*_size(rng), 4), dtype=np.uint8)
    if mode in ("1", "P", "I", "F", "I;16"):
        return Image.fromarray(noise[..., 0]).convert("I" if mode == "I;16" else mode).convert(mode)
    if mode == "LAB":
        return Image.merge("LAB", Image.fromarray(noise[..., :3]).split())
    if mode == "PA":
        return Image.fromarray(noise).convert("P").convert("PA")
    return Image.fromarray(noise, "RGBA").convert(mode)


def _size(rng):
    return rng.choice([1, 2, 7, 8, 20, 41]), rng.choice([1, 3, 8, 31])


def _exif(rng, kind):
    if kind not in ("PNG", "JPEG", "WEBP", "TIFF") or rng.random() < 0.4:
        return {}
    sound = Image.Exif()
    sound[0x0112] = rng.randint(0, 9)
    blocks = (sound.tobytes(), BROKEN_EXIF, sound.tobytes()[:-9], b"Exif\0\0", b"Exif\0\0" + rng.randbytes(40), b"x")
    return {"exif": rng.choice(blocks)}


def _with_texts(rng, content):
    """Texts up to beyond what Pillow takes, and a colour profile that is none."""
    large = b"k\0" + b"x" * rng.choice([10, 2**21])
    kind, data = rng.choice(
        [
            (b"tEXt", large),
            (b"zTXt", b"k\0\0" + zlib.compress(large)),
            (b"iTXt", b"k\0\1\0\0\0" + zlib.compress(large)),
            (b"iCCP", b"k\0\0" + zlib.compress(large)),
            (b"pHYs", b"x"),
        ]
    )
    return with_chunk(content, kind, data, after_pixels=rng.random() < 0.3)


def _damaged(rng, content, fate):
    match rng.randrange(12):
        case 0:
            return b"", "refused"
        case 1:
            return b"these are no pixels\n" * 20, "refused"
        case 2:
            return b"<!DOCTYPE html><html>404</html>", "refused"
        case 3:
            return content[: len(content) // 3], "refused"
        case 4:
            place = rng.randrange(len(content))
            return content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :], "either"
        case 5:
            return os.fsencode("\ufeff") + content, "refused"
    return content, fate
