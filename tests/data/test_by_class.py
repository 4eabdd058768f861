"""`ganspeed check` and classes: refused where prepared pictures of the user's own are known to have none."""

import pytest
from toy_study import write

from ganspeed import cli
from ganspeed.data.prepared import Manifest, SplitManifest, write_manifest

PICTURES = {"kind": "image_folder", "path": "own", "pictures": 30, "sha256": "0" * 64}
BLOCK = {"source": "image_folder", "path": "./own", "channels": 1, "image_size": 8, "holdout": 497, "split_seed": 0}


def checked(document, root, source=PICTURES, classes=(), prepared=True) -> int:
    """The status of `ganspeed check` beside a prepared data set of this source."""
    workspace = write(document, root)
    part = SplitManifest(10, (1, 8, 8), "float32", -1.0, 1.0, "0" * 64, "0" * 64)
    if prepared:
        folder = workspace.prepared("digits")
        folder.mkdir(parents=True)
        write_manifest(folder, Manifest("digits", source, classes, dict.fromkeys(("train", "val", "test"), part)))
    return cli.main(["--root", str(root), "check"])


@pytest.fixture
def by_class(document):
    """The user's own pictures, of which gan is trained by class."""
    document["datasets"]["digits"]["data"] = dict(BLOCK)
    document["variants"]["gan"]["networks"] = {"labels": "planes"}
    return document


def test_labels_of_pictures_without_classes_are_refused_by_both_keys(by_class, tmp_path, capfd):
    assert checked(by_class, tmp_path) == 2
    assert "variants.gan.networks.labels: 'planes', but datasets.digits.data has no classes" in capfd.readouterr().err


def test_labels_that_the_data_sets_block_asks_for_are_named_there(by_class, tmp_path, capfd):
    by_class["datasets"]["digits"]["networks"]["labels"] = "planes"
    del by_class["variants"]["gan"]["networks"]
    assert checked(by_class, tmp_path) == 2
    assert "datasets.digits.networks.labels: 'planes', but datasets.digits.data has" in capfd.readouterr().err


@pytest.mark.parametrize(
    "known",
    [
        {"prepared": False},
        {"classes": ("a", "b")},
        {"source": PICTURES | {"path": "other"}},
        {"source": {"kind": "digits"}},
    ],
    ids=["not prepared", "with classes", "of another folder", "of another source"],
)
def test_what_is_not_known_to_lack_classes_passes(known, by_class, tmp_path):
    assert checked(by_class, tmp_path, **known) == 0


def test_pictures_of_another_hash_are_not_those_that_were_prepared(by_class, tmp_path):
    by_class["datasets"]["digits"]["data"]["sha256"] = "1" * 64
    assert checked(by_class, tmp_path) == 0


def test_variants_that_see_no_class_pass(by_class, tmp_path):
    del by_class["variants"]["gan"]["networks"]
    assert checked(by_class, tmp_path) == 0
