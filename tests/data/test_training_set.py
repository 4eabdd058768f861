"""The images that both players see: which of the prepared ones, and what is done to them."""

import numpy as np
import pytest
from toy_study import write

from ganspeed import cli
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import Manifest, SplitManifest, load_split, write_manifest
from ganspeed.data.training_set import denoised, load_training_set
from ganspeed.params.datasets import Digits

DIGITS = Digits(source="digits", image_size=8, holdout=497, split_seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The prepared digits."""
    root = tmp_path_factory.mktemp("prepared")
    prepare_dataset("digits", DIGITS, root, root / "digits")
    return root / "digits"


def test_a_larger_limit_contains_a_smaller_one(folder):
    images, labels = load_split(folder, "train")
    few, more, every = (load_training_set(folder, limit) for limit in (80, 400, None))
    assert [len(found[0]) for found in (few, more, every)] == [80, 400, 803]
    for found in (few, more, every):
        assert np.array_equal(found[0], images[: len(found[0])]) and np.array_equal(found[1], labels[: len(found[1])])


def test_a_limit_takes_a_random_sample_and_no_first_class(folder):
    _, labels = load_training_set(folder, 80)
    assert np.bincount(labels, minlength=10).min() >= 2


def test_a_limit_above_the_images_that_are_there_is_refused(folder):
    with pytest.raises(DataError, match=r"datasets\.digits\.train\.limit: 804 is not <= 803, the training images in"):
        load_training_set(folder, 804)


@pytest.mark.parametrize(("limit", "status"), [(70, 0), (71, 2)])
def test_the_check_knows_how_many_own_pictures_are_prepared(limit, status, document, tmp_path, capfd):
    own = {"source": "image_folder", "path": "own", "channels": 1, "image_size": 8, "holdout": 497, "split_seed": 0}
    document["datasets"]["digits"]["data"] = own
    document["datasets"]["digits"]["train"]["limit"] = limit
    workspace = write(document, tmp_path)
    workspace.prepared("digits").mkdir(parents=True)
    part = SplitManifest(70, (1, 8, 8), "float32", -1.0, 1.0, "0" * 64, "0" * 64)
    source = {"kind": "image_folder", "path": "own", "pictures": 1064, "sha256": "0" * 64}
    splits = dict.fromkeys(("train", "val", "test"), part)
    write_manifest(workspace.prepared("digits"), Manifest("digits", source, (), splits))
    assert cli.main(["--root", str(tmp_path), "check"]) == status
    assert ("datasets.digits.train.limit: 71 is not <= 70, the training images" in capfd.readouterr().err) == (
        status == 2
    )


def test_a_median_filter_removes_a_single_pixel_and_keeps_an_edge():
    image = np.full((1, 2, 8, 8), -1, np.float32)
    image[0, 0, :, 4:] = 1  # an edge in one channel, a speck in the other
    image[0, 1, 3, 3] = 1
    found = denoised(image, 3)
    assert np.array_equal(found[0, 0], image[0, 0]) and (found[0, 1] == -1).all()
    assert denoised(image, 1) is image


def test_a_pixel_becomes_the_median_of_the_square_around_it():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 1, 8, 8)).astype(np.float32)
    found = denoised(images, 5)
    assert found.dtype == np.float32 and found[2, 0, 4, 3] == np.median(images[2, 0, 2:7, 1:6])
    mirrored = np.pad(images[1, 0], 2, mode="symmetric")
    assert found[1, 0, 0, 0] == np.median(mirrored[:5, :5])


def test_labels_stay_beside_their_images(folder):
    images, labels = load_training_set(folder, limit=80, denoise=3)
    plain, own = load_training_set(folder, limit=80)
    assert np.array_equal(images, denoised(plain, 3)) and not np.array_equal(images, plain)
    assert np.array_equal(labels, own)
