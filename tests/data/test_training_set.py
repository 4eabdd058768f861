"""The images that both players see: which of the prepared ones, and what is done to them."""

import numpy as np
import pytest
from toy_study import write

from ganspeed import cli
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import Manifest, SplitManifest, class_numbers, load_split, write_manifest
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


@pytest.mark.parametrize(
    ("asked", "classes", "message"),
    [
        ({"train": {"limit": 70}}, (), None),
        ({"train": {"limit": 71}}, (), "train.limit: 71 is not <= 70, the training images by the stage prepare"),
        ({"data": {"classes": ["cat"]}}, ("cat", "dog"), None),
        ({"data": {"classes": ["cow"]}}, ("cat", "dog"), "data.classes: unknown class 'cow'; available: 'cat', 'dog'"),
        ({"data": {"classes": ["cat"]}}, (), "data.classes: ['cat'], but the pictures have no classes"),
    ],
)
def test_the_check_knows_own_pictures_that_are_prepared(asked, classes, message, document, tmp_path, capfd):
    own = {"source": "image_folder", "path": "own", "channels": 1, "image_size": 8, "holdout": 497, "split_seed": 0}
    digits = document["datasets"]["digits"]
    digits["data"] = own | asked.get("data", {})
    digits["train"] |= asked.get("train", {})
    workspace = write(document, tmp_path)
    workspace.prepared("digits").mkdir(parents=True)
    part = SplitManifest(70, (1, 8, 8), "float32", -1.0, 1.0, "0" * 64, "0" * 64)
    source = {"kind": "image_folder", "path": "own", "pictures": 1064, "sha256": "0" * 64}
    splits = dict.fromkeys(("train", "val", "test"), part)
    write_manifest(workspace.prepared("digits"), Manifest("digits", source, classes, splits))
    assert cli.main(["--root", str(tmp_path), "check"]) == (2 if message else 0)
    assert capfd.readouterr().err.strip().endswith(f"datasets.digits.{message}" if message else "")


def test_classes_are_those_that_are_named_and_a_limit_counts_them_alone(folder):
    numbers = class_numbers(folder, ("8", "1"))
    assert numbers == (1, 8) and class_numbers(folder, None) == ()
    images, labels = load_split(folder, "train")
    chosen, of_chosen = load_training_set(folder, limit=100, numbers=numbers)
    index = np.flatnonzero((labels == 1) | (labels == 8))[:100]
    assert np.array_equal(chosen, images[index]) and np.array_equal(of_chosen, labels[index])
    with pytest.raises(DataError, match=r"limit: 803 is not <= \d{3}, the training images of data\.classes in"):
        load_training_set(folder, limit=803, numbers=numbers)


def test_an_unknown_class_is_refused_with_those_that_there_are(folder):
    with pytest.raises(DataError, match=r"datasets\.digits\.data\.classes: unknown class 'x'; available: '0', '1', "):
        class_numbers(folder, ("x",))


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
