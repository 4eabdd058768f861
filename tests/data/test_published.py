"""MNIST, Fashion-MNIST and CIFAR-10, on small made-up files in the published layouts."""

import gzip
import io
import os
import pickle
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from made_up_sources import cifar_batch, greys, made_up_cifar, made_up_idx, prepared, published, refused, to_idx
from toy_study import PROJECT

from ganspeed.data import cifar, download, mnist
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split, read_manifest

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


@pytest.mark.parametrize(
    "source, files",
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte\n.*MNIST/raw/t10k-labels-idx1-ubyte\n"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte\n.*FashionMNIST/raw/t10k-labels-idx1-ubyte\n"),
        ("cifar10", "cifar-10-python.tar.gz\n"),
    ],
)
def test_without_a_network_the_missing_files_and_their_folder_are_told(tmp_path, monkeypatch, source, files):
    def no_network(*request, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    refused(tmp_path, published(source), f"(?s)data set own: files are missing in {tmp_path} .*GANSPEED_DATA.*{files}")


def test_only_what_is_missing_is_downloaded_and_nothing_stays_of_a_failure(tmp_path, monkeypatch):
    raw = made_up_idx(tmp_path)
    kept, missing = raw / "train-images-idx3-ubyte", raw / "t10k-labels-idx1-ubyte"
    before = (kept.read_bytes(), missing.read_bytes())
    missing.unlink()
    monkeypatch.setattr(download, "_download", lambda name, folder: made_up_idx(folder, train=7))
    assert len(prepared(tmp_path, published("mnist"))[1]["train"][0]) == 80
    assert (kept.read_bytes(), missing.read_bytes()) == before
    assert not list(tmp_path.glob(".download*"))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar_batches_are_read_channels_first(tmp_path, protocol):
    made_up_cifar(tmp_path, protocol)
    manifest, splits = prepared(tmp_path, published("cifar10", image_size=32))
    assert manifest.classes[3] == "cat" and splits["train"][0].shape == (80, 3, 32, 32)
    assert sorted([*greys(splits["train"][0]), *greys(splits["val"][0])]) == list(range(100))
    assert sorted(greys(splits["test"][0])) == list(range(100, 120))
    for x, y in splits.values():
        assert np.array_equal(greys(x) % 20 % 10, y)
        assert np.allclose(x[:, 1], 1 / 127.5 - 1) and np.allclose(x[:, 2], 2 / 127.5 - 1)


def test_the_cifar_archive_is_as_good_as_the_folder(tmp_path):
    made_up_cifar(tmp_path / "unpacked")
    with tarfile.open(tmp_path / cifar.ARCHIVE, "w:gz") as tar:
        tar.add(tmp_path / "unpacked" / cifar.FOLDER, cifar.FOLDER)
    from_archive, _ = prepared(tmp_path, published("cifar10"))
    prepare_dataset("own", published("cifar10"), tmp_path / "unpacked", tmp_path / "other")
    assert read_manifest(tmp_path / "other") == from_archive
    whole = (tmp_path / cifar.ARCHIVE).read_bytes()
    (tmp_path / "prepared" / "own").rename(tmp_path / "former")
    for broken, message in [
        (whole[: len(whole) // 2], "damaged or truncated"),
        (b"<html>", "an HTML page"),
        (gzip.compress(bytes(20480)), "without cifar-10-batches-py/data_batch_1"),
    ]:
        (tmp_path / cifar.ARCHIVE).write_bytes(broken)
        refused(tmp_path, published("cifar10"), f"{cifar.ARCHIVE}: {message}")


class Intruder:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_cifar_batch_that_asks_to_run_code_is_refused_and_runs_none(tmp_path):
    folder = made_up_cifar(tmp_path)
    (folder / "data_batch_3").write_bytes(pickle.dumps(cifar_batch(20, 0) | {"extra": Intruder(tmp_path / "intruded")}))
    refused(tmp_path, published("cifar10"), "data_batch_3: refused: it calls posix.mkdir")
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        (pickle.dumps(cifar_batch(20, 0))[:-50], "damaged or truncated, not a CIFAR-10 batch"),
        (b"<html></html>", "an HTML page, not a CIFAR-10 batch"),
        (b"", "an empty file"),
        (pickle.dumps([1]), "not a CIFAR-10 batch"),
        (pickle.dumps(cifar_batch(20, 0) | {"data": np.zeros((20, 3071), np.uint8)}), r"data is uint8 \(20, 3071\)"),
        (pickle.dumps(cifar_batch(20, 0) | {"data": np.zeros((20, 3072))}), r"data is float64 \(20, 3072\)"),
        (pickle.dumps(cifar_batch(20, 0) | {"labels": [0] * 19}), "labels are not a list of 20 integers"),
        (pickle.dumps(cifar_batch(20, 0) | {"labels": [10] * 20}), "label 10 is not one of 0 to 9"),
        (pickle.dumps(cifar_batch(10_000, 0) | {"data": np.zeros((10_000, 3072), np.uint8)}), "damaged: md5"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "batch",
)
def test_a_damaged_cifar_batch_is_refused_by_name(tmp_path, content, message):
    (made_up_cifar(tmp_path) / "data_batch_2").write_bytes(content)
    refused(tmp_path, published("cifar10"), f"cifar-10-batches-py/data_batch_2: {message}")


@pytest.mark.skipif(not (RAW / "MNIST" / "raw").is_dir(), reason="no MNIST in GANSPEED_DATA (default data/raw)")
def test_mnist_itself_is_read_whole(tmp_path):
    out = tmp_path / "mnist"
    prepare_dataset("mnist", published("mnist", holdout=10_000), RAW, out)
    counts = {split: np.bincount(load_split(out, split)[1]).tolist() for split in ("train", "val", "test")}
    assert sum(counts["train"]) == 50_000 and sum(counts["val"]) == 10_000
    assert counts["test"] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # the published test set
    x, _ = load_split(out, "train")
    assert -0.75 < x.mean() < -0.73  # 0.1307 of the range [0, 1]


def entry(name, kind=tarfile.REGTYPE, size=1, link=""):
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size, link
    return found


@pytest.mark.parametrize(
    "bad, message",
    [
        (entry("../../outside"), "the name '../../outside'; allowed: names inside the archive"),
        (entry("/tmp/outside"), "the name '/tmp/outside'; allowed"),
        (entry(f"{cifar.FOLDER}/a", tarfile.SYMTYPE, 0, "/etc/passwd"), "a link or a device; allowed: folders and"),
        (entry(f"{cifar.FOLDER}/a", tarfile.LNKTYPE, 0, "../../outside"), "a link or a device"),
        (entry(f"{cifar.FOLDER}/a", tarfile.FIFOTYPE, 0), "a link or a device"),
        (entry(f"{cifar.FOLDER}/data_batch_1", size=10_000_000), "10000000 bytes unpacked; allowed: 9000000"),
    ],
    ids=["parent", "absolute", "link", "hard link", "pipe", "bomb"],
)
def test_an_archive_that_would_not_be_unpacked_safely_is_refused_whole(tmp_path, monkeypatch, bad, message):
    monkeypatch.setattr(cifar, "MAX_FILE_BYTES", 9_000_000)
    with tarfile.open(tmp_path / cifar.ARCHIVE, "w:gz") as tar:
        tar.add(made_up_cifar(tmp_path / "unpacked"), cifar.FOLDER)
        tar.addfile(bad, io.BytesIO(bytes(bad.size)))
    refused(tmp_path, published("cifar10"), f"{cifar.ARCHIVE}.*{message}")
    assert not list(tmp_path.parent.glob("outside"))


def test_a_packed_bomb_is_refused_before_it_is_unpacked_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "MAX_FILE_BYTES", 1_000_000)
    path = made_up_idx(tmp_path) / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(bytes(10_000_000)))
    path.unlink()
    refused(tmp_path, published("mnist"), "train-images-idx3-ubyte.gz: more than 1000000 bytes unpacked")
