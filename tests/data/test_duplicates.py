"""Copies of a picture: counted, in the manifest, and a warning where they stand in several splits."""

import numpy as np
from made_up_pictures import as_folder, grey, pictures, prepare

from ganspeed.data.duplicates import Duplicates, count_duplicates
from ganspeed.data.prepared import load_split, read_manifest
from ganspeed.system.files import read_json


def test_copies_are_counted_within_and_across_splits():
    splits = [np.array(values, dtype=np.uint64) for values in ([1, 1, 2, 3, 4], [5, 3], [6, 3, 7])]
    assert count_duplicates(splits) == Duplicates(pictures=5, across_splits=3)
    assert count_duplicates([np.arange(5, dtype=np.uint64)]) == Duplicates(0, 0)


def test_copies_across_splits_are_counted_out_loud_and_in_the_manifest(tmp_path, capsys):
    copies = {name.replace(".png", "_copy.png"): content for name, content in pictures().items()}
    as_folder(tmp_path / "own", pictures() | copies)
    out = prepare(tmp_path, "own", holdout=10)
    images = {split: load_split(out, split)[0].reshape(-1, 64) for split in ("train", "val", "test")}
    values = {split: [picture.tobytes() for picture in of_split] for split, of_split in images.items()}
    across = sum(p in values[b] for a in values for p in values[a] for b in values if b != a)
    assert read_manifest(out).duplicates == Duplicates(40, across) and across > 0
    expected = f"warning: own: 40 of 40 pictures have an exact copy, {across} of them in another split: "
    assert capsys.readouterr().err.startswith(expected)


def test_copies_within_a_split_are_no_warning(tmp_path, capsys):
    as_folder(tmp_path / "own", {f"{i}.png": grey(max(i, 2)) for i in range(12)})
    for seed in range(20):
        manifest = read_manifest(prepare(tmp_path, "own", str(seed), holdout=1, split_seed=seed))
        assert manifest.duplicates.pictures == 3
        assert (manifest.duplicates.across_splits > 0) == (capsys.readouterr().err != "")


def test_without_copies_the_manifest_is_that_of_former_versions(tmp_path):
    as_folder(tmp_path / "own", pictures())
    assert read_json(prepare(tmp_path, "own") / "manifest.json").keys() == {"classes", "dataset", "source", "splits"}
