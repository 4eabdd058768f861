"""Decoding of one picture: cropped to its centre square, resized and scaled to [-1, 1]."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from ganspeed.data.pictures import DataError, Pictures, looks_like_html

# Only these decoders are tried: others of Pillow start external programs or read formats without pictures.
FORMATS = {
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "PPM": (".ppm", ".pgm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)


def decode(name: str, content: bytes, channels: int) -> Image.Image:
    """The picture in a file's bytes, upright by its EXIF, in mode L (1 channel) or RGB (3), transparency on white.

    Raises DataError that begins with `name` for damaged files and for more than 8 bits a channel.
    """
    try:
        with Image.open(BytesIO(content), formats=tuple(FORMATS)) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
    except Exception as error:  # noqa: BLE001 decoders of damaged files raise almost any error
        reason = "it is an HTML page" if looks_like_html(content) else str(error)
        raise DataError(f"{name}: not a readable picture: {reason}") from None
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        raise DataError(f"{name}: mode {picture.mode}, more than 8 bits a channel; allowed: 8 bits")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("L" if channels == 1 else "RGB")


def crop_and_scale(picture: Image.Image, size: int) -> np.ndarray:
    """The centre square, resized to size × size (bilinear, antialiased) and scaled by x/127.5 - 1.

    picture: mode L or RGB; returns float32 (C, size, size) in [-1, 1].
    """
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    # Pillow widens the filter when it shrinks a picture, which other libraries call antialias
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
    channels_first = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)  # (C, size, size)
    return channels_first / np.float32(127.5) - np.float32(1)


def in_memory(pixels: np.ndarray, labels: np.ndarray, size: int) -> Pictures:
    """Pictures held in memory. pixels: uint8 (N, H, W) or (N, H, W, 3); labels: int64 (N,)."""
    return Pictures(labels, lambda index: crop_and_scale(Image.fromarray(pixels[index]), size))
