"""Sample grids as pictures: written in training, cropped for the report. Imports no torch."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from ganspeed.system.files import write_atomically

GRID_SIDE = 8  # images in a row and in a column of a grid
GAP_PIXELS = 2  # white pixels between images
SMALL_IMAGE = 16  # images with fewer pixels a side are enlarged
FRAME_MS, LAST_FRAME_MS = 500, 2000  # how long an animation shows each picture


def tile(images: np.ndarray) -> Image.Image:
    """A square picture of images (N, C, H, W) in [-1, 1], N a square number, row by row with white between them."""
    n, channels, height, width = images.shape
    side, scale = math.isqrt(n), 3 if height < SMALL_IMAGE else 1
    pixels = ((images + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
    height, width = height * scale, width * scale
    size = (side * (length + GAP_PIXELS) - GAP_PIXELS for length in (height, width))
    picture = np.full((*size, channels), 255, np.uint8)
    for i, image in enumerate(pixels.repeat(scale, 2).repeat(scale, 3)):
        top, left = i // side * (height + GAP_PIXELS), i % side * (width + GAP_PIXELS)
        picture[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return Image.fromarray(picture.squeeze(-1) if channels == 1 else picture)


def crop_corner(path: Path, rows: int, columns: int) -> np.ndarray:
    """The first rows and columns of a grid of GRID_SIDE × GRID_SIDE images; bytes, (H, W) or (H, W, 3)."""
    with Image.open(path) as picture:
        pitch_x, pitch_y = (picture.width + GAP_PIXELS) // GRID_SIDE, (picture.height + GAP_PIXELS) // GRID_SIDE
        return np.asarray(picture.crop((0, 0, columns * pitch_x - GAP_PIXELS, rows * pitch_y - GAP_PIXELS)))


def write_gif(grids: list[Path], path: Path) -> None:
    """Write an endless animation of these pictures, in their order."""
    first, *others = [Image.open(grid) for grid in grids]
    durations = [FRAME_MS] * len(others) + [LAST_FRAME_MS]
    options = {"save_all": True, "append_images": others, "duration": durations, "loop": 0}
    write_atomically(path, lambda temporary: first.save(temporary, format="GIF", **options))
