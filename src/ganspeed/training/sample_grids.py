"""Grids of samples as pictures: made in training, cut out again for the report."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

GRID_SIDE = 8  # images in a row and in a column of a grid
GAP_PIXELS = 2  # white pixels between images
SMALL_IMAGE = 16  # images below this size are enlarged to be looked at


def tile(images: np.ndarray) -> Image.Image:
    """A square picture of images (N, C, H, W) in [-1, 1], N a square number, row by row with white between them."""
    n, channels, height, width = images.shape
    side, enlarged = math.isqrt(n), 3 if height < SMALL_IMAGE else 1
    pixels = ((images + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
    height, width = height * enlarged, width * enlarged
    whole = np.full(
        (side * (height + GAP_PIXELS) - GAP_PIXELS, side * (width + GAP_PIXELS) - GAP_PIXELS, channels), 255, np.uint8
    )
    for i, image in enumerate(pixels.repeat(enlarged, 2).repeat(enlarged, 3)):
        top, left = i // side * (height + GAP_PIXELS), i % side * (width + GAP_PIXELS)
        whole[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return Image.fromarray(whole.squeeze(-1) if channels == 1 else whole)


def crop_corner(path: Path, rows: int, columns: int) -> np.ndarray:
    """The first rows and columns of a grid of SIDE × SIDE images; bytes, (H, W) or (H, W, 3)."""
    with Image.open(path) as picture:
        pitch_x, pitch_y = (picture.width + GAP_PIXELS) // GRID_SIDE, (picture.height + GAP_PIXELS) // GRID_SIDE
        return np.asarray(picture.crop((0, 0, columns * pitch_x - GAP_PIXELS, rows * pitch_y - GAP_PIXELS)))
