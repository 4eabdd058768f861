"""Preparation of a data set: float32 arrays in [-1, 1] with a manifest, checked at every load.

A source yields labelled pictures one at a time (pictures.py), these are split (splits.py) and written as a stream
(prepared.py), so that a data set may be larger than memory. Torch is imported only to download.
"""

import sys
from pathlib import Path

from ganspeed.data.pictures import DataError
from ganspeed.data.prepared import Manifest, write_manifest, write_splits
from ganspeed.data.source import open_source
from ganspeed.data.splits import split_pictures
from ganspeed.params.datasets import AnyData
from ganspeed.system.files import move, temporary_folder


def prepare_dataset(dataset: str, block: AnyData, source: Path, out: Path) -> None:
    """Write a data set to the folder `out`, which is replaced only once the new one is complete.

    block: datasets.<dataset>.data of params.yaml; source: the folder of downloads and of the user's pictures.
    `out` gets {train,val,test}_images.npy, float32 (N, C, H, W) in [-1, 1], {train,val,test}_labels.npy, int64 (N,),
    and manifest.json. Copies of a picture in several splits and a class that a split lacks are lines on stderr. Raises
    DataError naming the key, or all pictures that cannot be read.
    """
    key = f"datasets.{dataset}.data"
    try:
        with open_source(dataset, block, source) as opened:
            splits = split_pictures(opened.parts, block.holdout, block.split_seed, key)
            with temporary_folder(out) as temporary:
                written, duplicates = write_splits(temporary, splits)
                manifest = Manifest(dataset, opened.origin, opened.classes, written, duplicates)
                write_manifest(temporary, manifest)
                opened.refuse_changed()
                move(temporary, out)
            _warn_of_missing_classes(dataset, opened.classes, splits)
    except OSError as error:  # no permission, a full disk
        raise DataError(f"{error.filename or out}: {error.strerror or error}") from None
    _warn_of_duplicates(manifest)


def _warn_of_missing_classes(dataset: str, classes: tuple[str, ...], splits: dict) -> None:
    """A line on stderr for each split without a picture of some class: no score of it says anything of that class."""
    for split, (pictures, indices) in splits.items():
        there = set(pictures.labels[indices].tolist())
        if missing := [repr(name) for label, name in enumerate(classes) if label not in there]:
            listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            print(f"warning: {dataset}: no picture in {split} of the class {listed}", file=sys.stderr, flush=True)


def _warn_of_duplicates(manifest: Manifest) -> None:
    found, n = manifest.duplicates, sum(split.n for split in manifest.splits.values())
    if found is not None and found.across_splits:
        text = (
            f"{manifest.dataset}: {found.pictures} of {n} pictures have an exact copy, {found.across_splits} of them "
            "in another split: what is held out for scores is then no unseen picture; remove the copies"
        )
        print(f"warning: {text}", file=sys.stderr, flush=True)
