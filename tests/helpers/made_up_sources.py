"""What the tests of the published data sets share: prepare a made-up copy, or see it refused."""

import numpy as np
import pytest

from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split, read_manifest
from ganspeed.data.source import DataError


def refused(tmp_path, block, match):
    with pytest.raises(DataError, match=match):
        prepare_dataset("own", block, tmp_path, tmp_path / "prepared" / "own")
    assert not list(tmp_path.glob("prepared/*")) and not list(tmp_path.glob("prepared/.*"))
    assert not list(tmp_path.glob(".download-*"))


def prepared(tmp_path, block):
    out = tmp_path / "prepared" / "own"
    prepare_dataset("own", block, tmp_path, out)
    return read_manifest(out), {split: load_split(out, split) for split in ("train", "val", "test")}


def greys(images):
    return np.rint((images[:, 0, 0, 0] + 1) * 127.5).astype(int)
