"""CIFAR-10, on small made-up files in the published layout: its batches and its archive."""

import gzip
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from made_up_sources import cifar_batch, greys, made_up_cifar, prepared, published, refused

from ganspeed.data import cifar
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import read_manifest


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
