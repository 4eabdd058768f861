"""One picture: decoding, the centre square, resizing and scaling."""

import numpy as np
from made_up_pictures import png
from PIL import Image

from ganspeed.data import decode


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
