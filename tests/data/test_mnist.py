"""MNIST and Fashion-MNIST, on small made-up files in the published layout."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from made_up_sources import greys, made_up_idx, prepared, published, refused, to_idx
from toy_study import PROJECT

from ganspeed.data import mnist
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split

RAW = Path(os.environ.get("GANSPEED_DATA") or PROJECT / "data" / "raw")


@pytest.mark.parametrize("source, folder", [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_val_is_cut_from_the_published_train_and_test_is_as_published(tmp_path, source, folder):
    made_up_idx(tmp_path, folder)
    manifest, splits = prepared(tmp_path, published(source))
    assert {split: len(x) for split, (x, _) in splits.items()} == {"train": 80, "val": 20, "test": 20}
    assert set(greys(splits["test"][0])) < set(range(128, 158))
    seen = [*greys(splits["train"][0]), *greys(splits["val"][0])]
    assert sorted(seen) == list(range(100))
    for x, y in splits.values():
        first = np.where(greys(x) < 128, 0, 128)
        assert np.array_equal((greys(x) - first) % 10, y)
    assert np.bincount(splits["val"][1]).tolist() == [2] * 10
    assert manifest.source["kind"] == source and len(manifest.source["sha256"]) == 4


def test_a_packed_file_is_as_good_as_an_unpacked_one(tmp_path):
    raw = made_up_idx(tmp_path)
    before, _ = prepared(tmp_path, published("mnist"))
    path = raw / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert prepared(tmp_path, published("mnist"))[0] == before
    path.with_name(path.name + ".gz").write_bytes(b"<html>404</html>")
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz: an HTML page, not a gzip file"):
        prepared(tmp_path, published("mnist"))


@pytest.mark.parametrize(
    "name, damage, message",
    [
        ("train-images-idx3-ubyte", lambda c: c[:-1], "damaged or truncated: 78415 bytes, its header says 78416"),
        ("train-images-idx3-ubyte", lambda c: c + b"x", "damaged or truncated"),
        ("t10k-images-idx3-ubyte", lambda c: c[:10], "damaged or truncated, not an idx file"),
        ("t10k-labels-idx1-ubyte", lambda c: b"", "an empty file, not an idx file"),
        ("train-labels-idx1-ubyte", lambda c: b" <!doctype html>", "an HTML page, not an idx file"),
        ("train-labels-idx1-ubyte", lambda c: to_idx(np.arange(99) % 10), "99 labels for 100 pictures"),
        ("train-labels-idx1-ubyte", lambda c: c[:-1] + b"\x0a", "label 10 is not one of 0 to 9"),
        ("t10k-images-idx3-ubyte", lambda c: to_idx(np.zeros((30, 27, 28))), r"pictures of \(27, 28\); allowed"),
        (
            "t10k-images-idx3-ubyte",
            lambda c: to_idx(np.zeros((30, 28))),
            "damaged or truncated, not an idx file of bytes in 3",
        ),
    ],
)
def test_a_damaged_idx_file_is_refused_by_name(tmp_path, name, damage, message):
    path = made_up_idx(tmp_path) / name
    path.write_bytes(damage(path.read_bytes()))
    refused(tmp_path, published("mnist"), f"MNIST/raw/{name}: {message}")


def test_a_file_of_the_published_size_must_have_the_published_bytes(tmp_path, monkeypatch):
    made_up_idx(tmp_path)
    monkeypatch.setitem(mnist.COUNTS, "train", 100)
    refused(tmp_path, published("mnist"), "MNIST/raw/train-images-idx3-ubyte: damaged: md5 .* but the published")


def test_a_packed_bomb_is_refused_before_it_is_unpacked_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "MAX_FILE_BYTES", 1_000_000)
    path = made_up_idx(tmp_path) / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(bytes(10_000_000)))
    path.unlink()
    refused(tmp_path, published("mnist"), "train-images-idx3-ubyte.gz: more than 1000000 bytes unpacked")


@pytest.mark.skipif(not (RAW / "MNIST" / "raw").is_dir(), reason="no MNIST in GANSPEED_DATA (default data/raw)")
def test_mnist_itself_is_read_whole(tmp_path):
    out = tmp_path / "mnist"
    prepare_dataset("mnist", published("mnist", holdout=10_000), RAW, out)
    counts = {split: np.bincount(load_split(out, split)[1]).tolist() for split in ("train", "val", "test")}
    assert sum(counts["train"]) == 50_000 and sum(counts["val"]) == 10_000
    assert counts["test"] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # the published test set
    x, _ = load_split(out, "train")
    assert -0.75 < x.mean() < -0.73  # 0.1307 of the range [0, 1]
