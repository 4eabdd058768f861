"""One picture: decoding, the centre square, resizing and scaling."""

import io
import sys
import zlib

import numpy as np
import pytest
from made_up_pictures import BROKEN_EXIF, deep_png, deep_ppm, deep_tiff, png, with_chunk
from PIL import Image, ImageOps, TiffImagePlugin

from ganspeed.data import decode
from ganspeed.data.pictures import DataError


def test_the_centre_square_is_kept_and_shrunk_without_aliasing():
    stripes = np.zeros((16, 32))
    stripes[:, 8:24] = np.tile([0, 255], 8)  # one pixel wide, in the centre square
    stripes[:, :8] = stripes[:, 24:] = 200  # outside of it
    x = decode.crop_and_scale(Image.fromarray(stripes.astype(np.uint8)), 8)
    assert x.shape == (1, 8, 8)
    assert np.abs(x[..., 1:-1]).max() < 0.3  # grey, where every second pixel would be black or white
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 8, dtype=np.uint8), (64, 1)))  # 32 wide, 64 high
    assert np.array_equal(
        decode.crop_and_scale(ramp, 32)[0, 0], np.arange(0, 256, 8, dtype=np.float32) / np.float32(127.5) - 1
    )


def test_pictures_are_turned_upright_and_transparent_parts_are_white():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    pixels = np.zeros((8, 8), dtype=np.uint8)
    pixels[0] = 255
    assert np.asarray(decode.decode("a", png(pixels, exif=exif), 1))[-1].min() == 255
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    assert np.asarray(decode.decode("a", png(clear), 3)).min() == 255


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_field_of_exif_loses_neither_picture_nor_orientation(kind):
    content = saved(Image.new("RGB", (8, 4), "red"), kind, exif=BROKEN_EXIF)
    assert decode.decode("a", content, 3).size == (4, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.arange(40, dtype=np.uint8).reshape(5, 8)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(png(pixels, exif=exif))))
    assert np.array_equal(np.asarray(decode.decode("a", png(pixels, exif=exif), 1)), np.asarray(expected))


def test_an_orientation_that_no_one_can_read_is_none():
    content = saved(Image.new("L", (8, 4), 9), "PNG", exif=b"Exif\0\0II*\0\xff\xff")
    assert decode.decode("a", content, 1).size == (8, 4)


PACKED = zlib.compress(bytes(2**21))  # Pillow takes 1 MiB unpacked, and 64 MiB of texts in all


@pytest.mark.parametrize(
    "kind, data, after_pixels",
    [
        (b"tEXt", b"k\0" + bytes(2**26), False),
        (b"zTXt", b"k\0\0" + PACKED, False),
        (b"zTXt", b"k\0\0" + PACKED, True),
        (b"iTXt", b"k\0\1\0\0\0" + PACKED, True),
        (b"iCCP", b"k\0\0" + PACKED, False),
        (b"pHYs", b"x", False),
    ],
    ids=range(6),
)
def test_what_is_no_pixel_of_a_png_refuses_no_picture(kind, data, after_pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = with_chunk(png(np.full((4, 8), 77), exif=exif), kind, data, after_pixels)
    picture = decode.decode("a", content, 1)
    assert picture.size == (4, 8) and picture.getextrema() == (77, 77)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "segment", [b"\xe0\0\x07JFIF\0", b"\xee\0\x07Adobe", b"\xe2\0\x0fICC_PROFILE\0\1", b"\xe2\0\x05MPF"]
)
def test_what_is_no_pixel_of_a_jpeg_refuses_no_picture(mode, segment):
    content = saved(Image.new(mode, (8, 4), 70 if mode == "L" else "teal"), "JPEG", exif=BROKEN_EXIF)
    broken = decode.decode("a", content[:2] + b"\xff" + segment + content[2:], 3)
    assert broken.size == (4, 8)
    assert np.array_equal(np.asarray(broken), np.asarray(decode.decode("a", content, 3)))


@pytest.mark.parametrize("text", [b"short", b"x" * 2**21])
def test_an_orientation_in_xmp_is_used_beside_texts_of_any_length(text):
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta tiff:Orientation="6"/>'
    content = with_chunk(with_chunk(png(np.zeros((4, 8))), b"zTXt", b"k\0\0" + zlib.compress(text)), b"iTXt", xmp)
    assert decode.decode("a", content, 1).size == (4, 8)


DEEP = np.full((8, 8, 3), 4095)  # 12 bits of 16, as cameras give
DEEP_FILES = {
    "grey.png": png(DEEP[..., 0], np.uint16),
    "rgb.png": deep_png(DEEP),
    "rgba.png": deep_png(np.full((8, 8, 4), 4095)),
    "la.png": deep_png(DEEP[..., :2]),
    "texts.png": with_chunk(deep_png(DEEP), b"zTXt", b"k\0\0" + PACKED),
    "rgb.ppm": deep_ppm(DEEP),
    "twelve.ppm": deep_ppm(DEEP, largest=4095),
    "plain.ppm": b"P3\n#16 bits\n1 1 65535\n1 2 3\n",
    "grey.pgm": b"P5 1 1 65535\n\0\1",
    "float.pfm": b"Pf 1 1 -1\n\0\0\0\0",
    "rgb.tif": deep_tiff(DEEP),
    "grey.tif": saved(Image.new("I;16", (8, 8)), "TIFF"),
    "float.tif": saved(Image.new("F", (8, 8)), "TIFF"),
}


@pytest.mark.parametrize("name", DEEP_FILES)
@pytest.mark.parametrize("channels", [1, 3])
def test_more_than_8_bits_a_channel_are_refused_whatever_the_file(name, channels):
    with pytest.raises(DataError, match=f"^{name}: more than 8 bits a channel [(](12|16|32)[)]; allowed: 8 bits"):
        decode.decode(name, DEEP_FILES[name], channels)


def with_sample_format(number: int) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[339] = number
    return saved(Image.new("L", (8, 8), 200), "TIFF", tiffinfo=tags)


def test_signed_numbers_of_8_bits_are_refused():
    assert decode.decode("a.tif", with_sample_format(1), 1).getpixel((0, 0)) == 200
    with pytest.raises(
        DataError, match="^a.tif: not a readable picture: its values are signed numbers; allowed: unsign"
    ):
        decode.decode("a.tif", with_sample_format(2), 1)


def test_what_libtiff_says_is_in_the_refusal_that_names_the_file(capfd):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    content = bytearray(saved(Image.fromarray(pixels), "TIFF", compression="tiff_lzw"))
    content[8:2000] = bytes(b ^ 0x5A for b in content[8:2000])
    with pytest.raises(DataError, match=r"^a.tif: not a readable picture: decoder error -2; .*\w") as refusal:
        decode.decode("a.tif", bytes(content), 1)
    print("still here", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "still here\n"
    assert "tempfile" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"P6 1 1 255\n\1\2\3", b"P6 #c\n1 1\n#d\n255\n\1\2\3", b"P3 1 1 15\n1 2 3\n"])
def test_a_ppm_of_8_bits_is_read(content):
    assert decode.decode("a", content, 3).size == (1, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_of_8_bits_becomes_grey_or_rgb(mode, channels):
    picture = Image.merge("LAB", [Image.new("L", (8, 8), 120)] * 3) if mode == "LAB" else None
    content = saved(picture or Image.new("RGB", (8, 8), "white").convert("P").convert(mode), "TIFF")
    assert decode.decode("a", content, channels).mode == {1: "L", 3: "RGB"}[channels]


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "it is empty"),
        (b" <html>", "it is an HTML page"),
        (b"a text", "it is damaged, or none of BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"),
        (b"P6 0 4 255\n", "it is damaged, or none of .*"),
        (png(np.random.default_rng(0).integers(0, 256, (9, 9)))[:90], ".+"),
    ],
)
def test_the_reason_of_a_refusal_is_in_words(content, reason):
    with pytest.raises(DataError, match=f"^a: not a readable picture: {reason}$") as refusal:
        decode.decode("a", content, 1)
    assert "BytesIO" not in str(refusal.value)
