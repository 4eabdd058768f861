"""Decoding of one picture: cropped to its centre square, resized and scaled to [-1, 1]."""

import re
import warnings
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.Image import Transpose

from ganspeed.data import jpeg, png, tiff
from ganspeed.data.pictures import DataError, Pictures, looks_like_html

# Only these decoders are tried: others of Pillow start external programs or read formats without pictures.
FORMATS = {
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
UPRIGHT = {  # EXIF's orientation → what turns a picture upright
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
PPM_HEADER = re.compile(rb"P[36](?:SPACE)+(?:\d+(?:SPACE)+){2}(\d+)".replace(b"SPACE", rb"\s|#[^\r\n]*[\r\n]"))


def decode(name: str, content: bytes, channels: int) -> Image.Image:
    """The picture in a file's bytes, upright by its EXIF, in mode L (1 channel) or RGB (3), transparency on white.

    Raises DataError that begins with `name` for damaged files and for more than 8 bits a channel.
    """
    said: list[str] = []
    try:
        with warnings.catch_warnings(action="ignore"), tiff.held_back(content) as said:  # what names no file
            picture, bits = _load(content)
            if bits <= 8:
                return _flatten(picture, "L" if channels == 1 else "RGB")
    except Exception as error:  # noqa: BLE001 decoders of damaged files raise almost any error
        raise DataError(f"{name}: not a readable picture: {'; '.join([_reason(error, content), *said[:1]])}") from None
    raise DataError(f"{name}: more than 8 bits a channel ({bits}); allowed: 8 bits; convert it first")


def _load(content: bytes) -> tuple[Image.Image, int]:
    """The decoded picture, upright, and the bits of its channels."""
    try:
        return _load_with_pillow(content)
    except Exception:
        for kind in (png, jpeg):  # Pillow refuses them for large texts, damaged profiles and the like
            if content.startswith(kind.SIGNATURE):
                return _load_with_pillow(kind.essential(content))
        raise


def _load_with_pillow(content: bytes) -> tuple[Image.Image, int]:
    with Image.open(BytesIO(content), formats=tuple(FORMATS)) as opened:
        opened.load()
        return _upright(opened), _bits(opened, content)


def _bits(opened: Image.Image, content: bytes) -> int:
    """Bits of a channel in the file: Pillow decodes 16 bits of colour as 8, and of grey as mode I or I;16."""
    if opened.format == "PNG":
        return png.bit_depth(content)
    if opened.format == "TIFF":
        bits = max(opened.tag_v2.get(ExifTags.Base.BitsPerSample, (1,)))
        if bits <= 8:
            tiff.refuse_signed(opened)
        return bits
    if opened.format == "PPM" and (header := PPM_HEADER.match(content)):
        return int(header[1]).bit_length()
    return {"I": 16, "I;16": 16, "F": 32}.get(opened.mode, 8)


def _upright(picture: Image.Image) -> Image.Image:
    """The picture, turned as its orientation says; a block of EXIF that cannot be read says nothing."""
    try:
        turn = UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # noqa: BLE001 damaged blocks raise almost any error
        turn = None
    return picture.copy() if turn is None else picture.transpose(turn)


def _flatten(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in mode L or RGB, transparent parts on white."""
    if picture.mode == "LAB":  # Pillow makes RGB of it and nothing else
        picture = picture.convert("RGB")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert(mode)


def _reason(error: Exception, content: bytes) -> str:
    """Why a file could not be decoded, without the addresses of objects that Pillow prints."""
    if not content:
        return "it is empty"
    if looks_like_html(content):
        return "it is an HTML page"
    if isinstance(error, UnidentifiedImageError):
        return f"it is damaged, or none of {', '.join(FORMATS)}"
    return str(error) or type(error).__name__


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
    channels = 1 if pixels.ndim == 3 else 3
    shape = (channels, size, size)
    return Pictures(labels, shape, lambda index: crop_and_scale(Image.fromarray(pixels[index]), size))
