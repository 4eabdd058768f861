"""The user's own pictures: a folder or a zip of pictures, or of one sub-folder per class."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np

from ganspeed.data.archive import Container, open_container
from ganspeed.data.decode import SUFFIXES, crop_and_scale, decode
from ganspeed.data.pictures import DataError, Pictures, Source
from ganspeed.params.datasets import ImageFolder

COMPANIONS = ("", ".txt", ".md", ".csv", ".json")  # of files that are allowed beside pictures: a licence, a list


@contextmanager
def open_image_folder(key: str, block: ImageFolder, folder: Path) -> Iterator[Source]:
    """The pictures at `<folder>/<block.path>` as one part, classes in alphabetical order.

    Raises DataError naming the file, or a key of the block `key`.
    """
    inside = PurePosixPath(block.path)
    with open_container(folder / inside, block.path) as container:
        names = picture_names(container)
        classes, labels = classify(container, names)
        sha256 = container.sha256(names)
        if block.sha256 is not None and sha256 != block.sha256:
            raise DataError(f"{key}.sha256: {block.sha256} is expected, but {block.path} has {sha256}")

        def read(index: int) -> np.ndarray:
            name = f"{block.path}/{names[index]}"
            return crop_and_scale(decode(name, container.read(names[index]), block.channels), block.image_size)

        origin = {"kind": "image_folder", "path": str(inside), "pictures": len(names), "sha256": sha256}
        yield Source(origin, classes, {"train": Pictures(labels, read)})


def picture_names(container: Container) -> list[str]:
    """The pictures in a container, sorted. Raises DataError for a file that is neither a picture nor a companion."""
    names = []
    for name in container.files:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            names.append(name)
        elif suffix not in COMPANIONS:
            raise DataError(f"{container.label}/{name}: not a picture; allowed: {' '.join(SUFFIXES)}")
    if not names:
        raise DataError(f"{container.label}: empty: no pictures in it; allowed: {' '.join(SUFFIXES)}")
    filled = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if empty := [name for name in container.folders if name not in filled]:
        raise DataError(f"{container.label}/{empty[0]}: an empty folder; allowed: folders with pictures in them")
    return names


def classify(container: Container, names: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and labels, int64 (N,), from the sub-folders; () and zeros where there are none.

    A single folder around everything is no class. Raises DataError for deeper or mixed layouts.
    """
    paths = [PurePosixPath(name).parts for name in names]
    if len({parts[0] for parts in paths}) == 1 and all(len(parts) > 1 for parts in paths):
        paths = [parts[1:] for parts in paths]
    by_depth = {len(parts): name for parts, name in zip(paths, names, strict=True)}
    allowed = "allowed: one sub-folder per class, or pictures directly"
    if max(by_depth) > 2:
        raise DataError(f"{container.label}/{by_depth[max(by_depth)]}: is too deep; {allowed}")
    if len(by_depth) == 2:
        beside = f"{by_depth[1]} is beside sub-folders such as that of {by_depth[2]}"
        raise DataError(f"{container.label}: {beside}; {allowed}")
    if 1 in by_depth:
        return (), np.zeros(len(names), dtype=np.int64)
    classes = sorted({parts[0] for parts in paths})
    number = {name: i for i, name in enumerate(classes)}
    return tuple(classes), np.array([number[parts[0]] for parts in paths], dtype=np.int64)
