"""Preparation of a data set: float32 arrays in [-1, 1] with a manifest, checked at every load.

A source yields labelled pictures one at a time (source.py), these are split (splits.py) and written as a stream
(prepared.py), so that a data set may be larger than memory. Torch is imported only to download.
"""

import os
import shutil
from pathlib import Path

from ganspeed.data.pictures import DataError
from ganspeed.data.prepared import Manifest, write_manifest, write_split
from ganspeed.data.source import open_source
from ganspeed.data.splits import split_pictures
from ganspeed.params.datasets import AnyData
from ganspeed.system.files import move


def prepare_dataset(dataset: str, block: AnyData, source: Path, out: Path) -> None:
    """Write a data set to the folder `out`, which is replaced only once the new one is complete.

    block: datasets.<dataset>.data of params.yaml; source: the folder of downloads and of the user's pictures.
    `out` gets {train,val,test}_images.npy, float32 (N, C, H, W) in [-1, 1], {train,val,test}_labels.npy, int64 (N,),
    and manifest.json. Raises DataError naming the file or key.
    """
    key = f"datasets.{dataset}.data"
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open_source(dataset, block, source) as opened:
            splits = split_pictures(opened.parts, block.holdout, block.split_seed, key)
            temporary.mkdir(parents=True)
            written = {name: write_split(temporary, name, *part) for name, part in splits.items()}
            write_manifest(temporary, Manifest(dataset, opened.origin, opened.classes, written))
        move(temporary, out)
    except OSError as error:  # no permission, a full disk
        raise DataError(f"{error.filename or out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
