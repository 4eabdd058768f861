"""Small made-up copies of the published data sets: written, prepared, or seen refused."""

import pickle
import struct

import numpy as np
import pytest

from ganspeed.data import cifar
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split, read_manifest
from ganspeed.params.datasets import PublishedData


def published(source, **changes):
    return PublishedData(source=source, **({"image_size": 28, "holdout": 20, "split_seed": 0} | changes))


def to_idx(array):
    array = np.asarray(array, dtype=np.uint8)
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def made_up_idx(root, folder="MNIST", train=100, test=30):
    """Picture i of train is grey i, of test 128 + i; its class is i mod 10."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for prefix, n, first in (("train", train, 0), ("t10k", test, 128)):
        levels = np.arange(n) + first
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(to_idx(np.tile(levels[:, None, None], (1, 28, 28))))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(to_idx(np.arange(n) % 10))
    return raw


def cifar_batch(n, first):
    """Picture i is (first + i, 1, 2) in red, green and blue; its class is i mod 10."""
    rows = np.repeat(np.array([[(first + i) % 256, 1, 2] for i in range(n)], dtype=np.uint8), 1024, axis=1)
    return {"data": rows, "labels": [i % 10 for i in range(n)], "batch_label": "made up"}


def made_up_cifar(root, protocol=2):
    folder = root / cifar.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(cifar.MD5):
        (folder / name).write_bytes(pickle.dumps(cifar_batch(20, 20 * k), protocol))
    return folder


def refused(tmp_path, block, match):
    with pytest.raises(DataError, match=match):
        prepare_dataset("own", block, tmp_path, tmp_path / "prepared" / "own")
    assert not list(tmp_path.glob("prepared/*")) and not list(tmp_path.glob("prepared/.*"))
    assert not list(tmp_path.glob(".download*"))


def prepared(tmp_path, block):
    out = tmp_path / "prepared" / "own"
    prepare_dataset("own", block, tmp_path, out)
    return read_manifest(out), {split: load_split(out, split) for split in ("train", "val", "test")}


def greys(images):
    return np.rint((images[:, 0, 0, 0] + 1) * 127.5).astype(int)
