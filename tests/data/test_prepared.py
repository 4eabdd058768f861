"""Prepared data sets: what `prepare` promises to write, and what `load` refuses to hand over."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import flip
from sklearn.datasets import load_digits
from toy_study import PROJECT

from ganspeed.data import prepare, prepared
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split, manifest_sha256, read_manifest
from ganspeed.params.datasets import Digits
from ganspeed.system.files import read_json, sha256_file

BLOCK = Digits(source="digits", image_size=8, holdout=497, split_seed=0)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "digits"
    prepare_dataset("digits", BLOCK, Path("nowhere"), out)
    return out


@pytest.fixture
def damaged(digits, tmp_path):
    """A copy to be damaged."""
    copy = tmp_path / "digits"
    copy.mkdir()
    for path in digits.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def rewrite(folder, split, images=None, labels=None, **facts):
    """Other arrays or facts, with hashes in the manifest to match: what only a look at the values can find."""
    manifest = read_json(folder / "manifest.json")
    part = manifest["splits"][split]
    for what, array in (("images", images), ("labels", labels)):
        if array is not None:
            np.save(folder / f"{split}_{what}.npy", array)
            part[f"{what}_sha256"] = sha256_file(folder / f"{split}_{what}.npy")
    part.update(facts)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_digits_are_cut_into_803_497_497_without_losing_or_repeating_one(digits):
    splits = {split: load_split(digits, split) for split in ("train", "val", "test")}
    assert {split: len(labels) for split, (_, labels) in splits.items()} == {"train": 803, "val": 497, "test": 497}
    bunch = load_digits()
    expected = sorted((bytes(x.astype(np.uint8)), int(y)) for x, y in zip(bunch.images, bunch.target, strict=True))
    seen = sorted(
        (bytes(((x[0] + 1) * 8).astype(np.uint8)), int(y))
        for images, labels in splits.values()
        for x, y in zip(images, labels, strict=True)
    )
    assert seen == expected


def test_arrays_are_as_the_contract_says(digits):
    for split in ("train", "val", "test"):
        images, labels = load_split(digits, split)
        assert isinstance(images, np.memmap) and not images.flags.writeable
        assert images.dtype == np.float32 and images.flags.c_contiguous and images.shape[1:] == (1, 8, 8)
        assert labels.dtype == np.int64 and set(labels) == set(range(10))
        assert images.min() == -1 and images.max() == 1


def test_manifest_tells_what_is_there_and_where_it_comes_from(digits):
    manifest = read_json(digits / "manifest.json")
    assert manifest["dataset"] == "digits" and manifest["classes"] == list("0123456789")
    assert manifest["source"]["kind"] == "digits"
    assert manifest["splits"]["val"] == {
        "n": 497,
        "shape": [1, 8, 8],
        "dtype": "float32",
        "min": -1.0,
        "max": 1.0,
        "images_sha256": sha256_file(digits / "val_images.npy"),
        "labels_sha256": sha256_file(digits / "val_labels.npy"),
    }


def test_same_settings_same_bytes_and_another_split_seed_another_cut(digits, tmp_path):
    again, other = tmp_path / "a" / "digits", tmp_path / "b" / "digits"
    prepare_dataset("digits", BLOCK, tmp_path / "elsewhere", again)
    prepare_dataset("digits", BLOCK.model_copy(update={"split_seed": 1}), Path("nowhere"), other)
    assert sorted(p.name for p in again.iterdir()) == sorted(p.name for p in digits.iterdir())
    assert all((again / path.name).read_bytes() == path.read_bytes() for path in digits.iterdir())
    assert manifest_sha256(again) == manifest_sha256(digits) == sha256_file(digits / "manifest.json")
    assert manifest_sha256(other) != manifest_sha256(digits)


@pytest.mark.parametrize(
    "holdout, message",
    [
        (1798, "1798 is more than the 1797"),
        (1200, "1200 is more than the 597"),
        (898, "898 each for val and test leaves 1 for train; allowed: 2 or more"),
    ],
)
def test_a_holdout_that_does_not_fit_is_refused_with_nothing_written(tmp_path, holdout, message):
    block = BLOCK.model_copy(update={"holdout": holdout})
    with pytest.raises(DataError, match=f"datasets.digits.data.holdout: {message}"):
        prepare_dataset("digits", block, tmp_path, tmp_path / "prepared" / "digits")
    assert not list(tmp_path.iterdir())


def test_a_failure_half_way_leaves_the_former_folder_and_nothing_else(damaged, monkeypatch):
    before = {path.name: path.read_bytes() for path in damaged.iterdir()}

    def full_disk(folder, *rest):
        assert len(list(folder.iterdir())) == 6
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepare, "write_manifest", full_disk)
    with pytest.raises(DataError, match="digits: No space left on device"):
        prepare_dataset("digits", BLOCK.model_copy(update={"split_seed": 3}), damaged.parent, damaged)
    assert [path.name for path in damaged.parent.iterdir()] == ["digits"]
    assert {path.name: path.read_bytes() for path in damaged.iterdir()} == before


def test_preparing_again_replaces_files_and_never_writes_through_them(damaged):
    former = damaged / "train_images.npy"
    os.link(former, damaged.parent / "cache")  # as DVC links outputs into its cache
    cached = (damaged.parent / "cache").read_bytes()
    prepare_dataset("digits", BLOCK.model_copy(update={"split_seed": 3}), damaged.parent, damaged)
    assert (damaged.parent / "cache").read_bytes() == cached != former.read_bytes()


@pytest.mark.parametrize("name", ["train_images.npy", "train_labels.npy"])
def test_one_changed_bit_is_found_at_load(damaged, name):
    flip(damaged / name, -100)
    with pytest.raises(DataError, match=rf"{name}: sha256 \w+; the manifest says"):
        load_split(damaged, "train")
    assert len(load_split(damaged, "val")[0]) == 497


@pytest.mark.parametrize("name", ["test_images.npy", "test_labels.npy"])
def test_a_truncated_empty_or_absent_array_is_named(damaged, name):
    content = (damaged / name).read_bytes()
    for broken in (content[:-8], content[:20], b"", b"<html>"):
        (damaged / name).write_bytes(broken)
        with pytest.raises(DataError, match=f"{name}: "):
            load_split(damaged, "test")
    (damaged / name).unlink()
    with pytest.raises(DataError, match=f"{name}: no such file; the stage prepare writes it"):
        load_split(damaged, "test")


def test_values_are_checked_even_where_the_hashes_agree(damaged):
    images, labels = (np.array(array) for array in load_split(damaged, "val"))

    def changed(value):
        copy = images.copy()
        copy[300, 0, 4, 4] = value
        return copy

    for bad in (np.nan, np.inf):
        rewrite(damaged, "val", images=changed(bad))
        with pytest.raises(DataError, match="val_images.npy: NaN or infinity"):
            load_split(damaged, "val")
    rewrite(damaged, "val", images=changed(1.5), max=1.5)
    with pytest.raises(DataError, match="val_images.npy: values from -1.0 to 1.5"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images * np.float32(0.5), max=1.0)
    with pytest.raises(DataError, match="values from -0.5 to 0.5; the manifest says -1.0 to 1.0"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images.astype(np.float64))
    with pytest.raises(DataError, match=r"float64 \(497, 1, 8, 8\); the manifest says float32"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=np.rint((images + 1) * 127.5).astype(np.uint8))
    with pytest.raises(DataError, match=r"uint8 \(497, 1, 8, 8\); the manifest says float32"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=(images + 1) * np.float32(127.5), min=0.0, max=255.0)
    with pytest.raises(DataError, match="values from 0.0 to 255.0; .* -1 to 1 is allowed"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images.transpose(0, 2, 3, 1).copy())
    with pytest.raises(DataError, match=r"float32 \(497, 8, 8, 1\); the manifest says float32 \(497, 1, 8, 8\)"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images[:0], labels=labels[:0], n=0)
    with pytest.raises(DataError, match="val_images.npy: no images"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images, labels=labels, n=len(images), min=-1.0, max=1.0)
    rewrite(damaged, "val", images=np.asfortranarray(images))
    with pytest.raises(DataError, match="val_images.npy: .* C order"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images[:-1])
    with pytest.raises(DataError, match=r"float32 \(496, 1, 8, 8\); the manifest says float32 \(497"):
        load_split(damaged, "val")
    rewrite(damaged, "val", images=images, labels=labels + 1)
    with pytest.raises(DataError, match="val_labels.npy: labels from 1 to 10; allowed: 0 to 9"):
        load_split(damaged, "val")
    rewrite(damaged, "val", labels=labels)
    assert np.array_equal(load_split(damaged, "val")[0], images)


def test_an_array_that_asks_to_run_code_is_refused_and_runs_none(damaged):
    class Intruder:
        def __reduce__(self):
            return os.mkdir, (str(damaged / "intruded"),)

    rewrite(damaged, "val", images=np.array([Intruder()], dtype=object))
    with pytest.raises(DataError, match="val_images.npy: damaged: .*Python objects"):
        load_split(damaged, "val")
    assert not (damaged / "intruded").exists()


def test_a_range_is_checked_beyond_the_first_chunk(damaged, monkeypatch):
    images = np.array(load_split(damaged, "val")[0])
    images[-1, 0, 0, 0] = np.nan
    rewrite(damaged, "val", images=images)
    monkeypatch.setattr(prepared, "CHUNK", 100)
    with pytest.raises(DataError, match="among images 400 to 496"):
        load_split(damaged, "val")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"dataset": 1, "source": 1, "classes": 1, "splits": []}'])
def test_a_manifest_that_is_none_is_refused(damaged, text):
    (damaged / "manifest.json").write_text(text)
    for use in (read_manifest, manifest_sha256, lambda folder: load_split(folder, "val")):
        with pytest.raises(DataError, match="manifest.json: not"):
            use(damaged)


def test_what_is_not_there_is_named(digits, tmp_path):
    with pytest.raises(DataError, match="manifest.json: no such file; the stage prepare writes it"):
        load_split(tmp_path, "train")
    with pytest.raises(DataError, match="unknown split 'dev'; available: train, val, test"):
        load_split(digits, "dev")


def run(code_or_script, *arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    command = [sys.executable, *code_or_script, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_stage_prepares_digits_and_refuses_an_unknown_name(digits, tmp_path):
    (tmp_path / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    stage = [str(PROJECT / "pipeline" / "prepare.py")]
    unknown = run(stage, "digit", folder=tmp_path)
    assert unknown.returncode == 2 and "unknown data set 'digit'; available: digits" in unknown.stderr
    assert not (tmp_path / "data").exists()
    done = run(stage, "digits", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert manifest_sha256(tmp_path / "data" / "prepared" / "digits") == manifest_sha256(digits)


def test_digits_need_no_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ganspeed.data.prepare import prepare_dataset\n"
        "from ganspeed.data.prepared import load_split; from ganspeed.params.datasets import Digits\n"
        "block = Digits(source='digits', image_size=8, holdout=497, split_seed=0)\n"
        "prepare_dataset('digits', block, Path('raw'), Path('digits')); load_split(Path('digits'), 'val')\n"
        "print('torch' in sys.modules)"
    )
    assert run(["-c", code], folder=tmp_path).stdout == "False\n"
