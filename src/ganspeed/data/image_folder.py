"""The user's own pictures: a folder or a zip of pictures, or of one sub-folder per class."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ganspeed.data.archive import Container, open_container, refuse_changed
from ganspeed.data.decode import SUFFIXES, crop_and_scale, decode
from ganspeed.data.pictures import DataError, Pictures, Source, refuse_all
from ganspeed.params.datasets import ImageFolder

# Files that are allowed beside pictures: a licence, a list
COMPANION_SUFFIXES = (".txt", ".md", ".csv", ".json")
COMPANION_NAMES = ("authors", "citation", "copying", "credits", "licence", "license", "notice", "readme")
SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}
LAYOUT = "allowed: one sub-folder per class, or pictures directly"


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
        shape = (block.channels, block.image_size, block.image_size)
        recheck = partial(refuse_changed, container, names, sha256)
        yield Source(origin, classes, {"train": Pictures(labels, shape, read)}, recheck)


def picture_names(container: Container) -> list[str]:
    """The pictures in a container, sorted: what no file's contents need be read for is checked.

    Raises DataError naming every file that is neither a picture nor a companion, cannot be read or is too large. A
    file without an extension is refused unless its name is that of a companion, since half of a class may lack them.
    """
    allowed = f"allowed: {' '.join(SUFFIXES)}"
    names, strangers = [], []
    for name in container.files:
        if _suffix(name) in SUFFIXES:
            names.append(name)
        elif not _is_companion(name):
            what = "not a picture by its extension" if _suffix(name) else "has no extension, so may be a picture or not"
            strangers.append(f"{container.label}/{name}: {what}; {allowed}")
    refuse_all(strangers + container.unreadable(names))
    if not names:
        raise DataError(f"{container.label}: empty: no pictures in it; {allowed}")
    filled = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    empty = [name for name in container.folders if name not in filled]
    refuse_all([f"{container.label}/{name}: an empty folder; allowed: folders with pictures in them" for name in empty])
    return names


def _is_companion(name: str) -> bool:
    return _suffix(name) in COMPANION_SUFFIXES or PurePosixPath(name).name.lower() in COMPANION_NAMES


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def classify(container: Container, names: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and labels, int64 (N,), from the sub-folders; () and zeros where there are none.

    A single folder around everything is no class. Raises DataError for deeper or mixed layouts, for splits instead of
    classes and for names of classes that are not UTF-8.
    """
    paths = [PurePosixPath(name).parts for name in names]
    if len({parts[0] for parts in paths}) == 1 and all(len(parts) > 1 for parts in paths):
        paths = [parts[1:] for parts in paths]
    by_depth = {len(parts): name for parts, name in zip(paths, names, strict=True)}
    classes = sorted({parts[0] for parts in paths})
    if 1 not in by_depth:
        _refuse_splits(container.label, classes)
    if max(by_depth) > 2:
        raise DataError(f"{container.label}/{by_depth[max(by_depth)]}: is too deep; {LAYOUT}")
    if len(by_depth) == 2:
        beside = f"{by_depth[1]} is beside sub-folders such as that of {by_depth[2]}"
        raise DataError(f"{container.label}: {beside}; {LAYOUT}")
    if 1 in by_depth:
        return (), np.zeros(len(names), dtype=np.int64)
    _refuse_undecodable(container.label, classes)
    number = {name: i for i, name in enumerate(classes)}
    return tuple(classes), np.array([number[parts[0]] for parts in paths], dtype=np.int64)


def _refuse_splits(label: str, folders: list[str]) -> None:
    if {name.lower() for name in folders} <= SPLIT_NAMES:
        raise DataError(
            f"{label}: the folders {', '.join(folders)} look like splits, not classes; {LAYOUT}. Put all splits "
            "together (train, val and test are drawn by `holdout` and `split_seed`), or rename what really are classes"
        )


def _refuse_undecodable(label: str, classes: list[str]) -> None:
    """Raise DataError for names of classes that are not UTF-8, which no manifest can hold."""
    wrong = []
    for name in classes:
        content = name.encode("utf-8", "surrogateescape")  # the bytes on the disk
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            shown = content.decode("utf-8", "backslashreplace")
            wrong.append(f"{label}/{shown}: the name of a class is not UTF-8; allowed: UTF-8; rename the folder")
    refuse_all(wrong)
