"""Grids of samples: every image where it belongs, over the whole range, and found again."""

import numpy as np

from ganspeed.training.sample_grids import crop_corner, tile


def test_images_stand_row_by_row_over_the_whole_range_with_white_between():
    images = np.linspace(-1, 1, 4).reshape(4, 1, 1, 1) * np.ones((4, 1, 16, 16))
    picture = tile(images)
    assert picture.size == (34, 34)
    assert [picture.getpixel(p) for p in ((0, 0), (18, 0), (0, 18), (18, 18))] == [0, 85, 170, 255]
    assert picture.getpixel((16, 5)) == picture.getpixel((5, 17)) == 255


def test_small_images_are_enlarged_and_colours_stay():
    images = np.stack([np.full((8, 8), -1.0), np.full((8, 8), 1.0), np.full((8, 8), -1.0)])[None]
    picture = tile(images)
    assert picture.size == (24, 24)
    assert picture.getpixel((23, 23)) == (0, 255, 0)


def test_the_corner_holds_the_first_images_whole(tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (64, 1, 28, 28))
    tile(images).save(tmp_path / "grid.png")
    found = crop_corner(tmp_path / "grid.png", rows=2, columns=1)
    first = np.asarray(tile(images[[0]]))
    assert found.shape == (58, 28)
    assert np.array_equal(found[:28], first)
    assert np.array_equal(found[30:], np.asarray(tile(images[[8]])))
