"""CelebA: aligned faces, 178×218 RGB, in the published splits; classes are combinations of attributes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ganspeed.data.archive import Container, open_container, refuse_changed
from ganspeed.data.checksums import check_published, damaged
from ganspeed.data.decode import crop_and_scale, decode
from ganspeed.data.download import fetch
from ganspeed.data.pictures import DataError, Pictures, Source, refuse_all
from ganspeed.params.classes import class_names
from ganspeed.params.datasets import CelebA
from ganspeed.system.files import sha256_file

SIZE = (178, 218)
PARTITIONS = {"train": 0, "val": 1, "test": 2}  # the numbers of the partition file
FACES = 202_599
ATTRIBUTES, PARTITION = "celeba/list_attr_celeba.txt", "celeba/list_eval_partition.txt"
PICTURES = "celeba/img_align_celeba"
MD5 = {ATTRIBUTES: "75e246fa4810816ffd6ee81facbd244c", PARTITION: "d32c9cbf5e040fd4025c592c306e6668"}


@contextmanager
def open_celeba(dataset: str, block: CelebA, folder: Path) -> Iterator[Source]:
    """CelebA from `<folder>/celeba`, pictures in img_align_celeba/ or its zip, downloaded when files are missing.

    Raises DataError naming the file, or the key `attributes`.
    """
    archive = f"{PICTURES}.zip"
    pictures = PICTURES if (folder / PICTURES).is_dir() else archive
    missing = [name for name in (ATTRIBUTES, PARTITION) if not (folder / name).is_file()]
    if pictures == archive and not (folder / archive).is_file():
        missing.append(archive)
    if missing:
        fetch(dataset, folder, missing, "CelebA")
    known, values = _read_attributes(folder)
    partition = _read_partition(folder)
    columns = _columns(f"datasets.{dataset}.data.attributes", block.attributes, known)
    if absent := sorted(partition.keys() - values.keys()):
        raise DataError(f"{ATTRIBUTES}: without {absent[0]}, which {PARTITION} names")
    with open_container(folder / pictures, pictures) as container:
        members = _members(container, sorted(partition))
        refuse_all(container.unreadable(list(members.values())))
        parts = {}
        for part, number in PARTITIONS.items():
            names = [name for name in sorted(partition) if partition[name] == number]
            bits = np.array([[values[name][c] > 0 for c in columns] for name in names], dtype=np.int64)
            labels = bits.reshape(-1, len(columns)) @ (1 << np.arange(len(columns))[::-1])  # first attribute: high bit
            parts[part] = _pictures(container, [members[name] for name in names], labels, block.image_size)
        hashes = {name: sha256_file(folder / name) for name in (ATTRIBUTES, PARTITION)}
        read = list(members.values())
        hashes[pictures] = container.sha256(read)
        recheck = partial(refuse_changed, container, read, hashes[pictures])
        yield Source({"kind": "celeba", "sha256": hashes}, class_names(block.attributes), parts, recheck)


def _pictures(container: Container, members: list[str], labels: np.ndarray, size: int) -> Pictures:
    def read(index: int) -> np.ndarray:
        name = f"{container.label}/{members[index]}"
        face = decode(name, container.read(members[index]), channels=3)
        if face.size != SIZE:
            raise DataError(f"{name}: {face.width}x{face.height} pixels; allowed: {SIZE[0]}x{SIZE[1]}")
        return crop_and_scale(face, size)  # the centre square is the customary crop of 178×178

    return Pictures(labels, (3, size, size), read)


def _members(container: Container, names: list[str]) -> dict[str, str]:
    """Picture name → name in the container; the published zip has a folder around all pictures."""
    found = {PurePosixPath(member).name: member for member in container.files}
    if absent := [name for name in names if name not in found]:
        raise DataError(f"{container.label}: without {absent[0]}, which {PARTITION} names ({len(absent)} in all)")
    return {name: found[name] for name in names}


def _columns(key: str, attributes: tuple[str, ...], known: list[str]) -> list[int]:
    if unknown := [name for name in attributes if name not in known]:
        raise DataError(f"{key}: unknown attribute {unknown[0]!r}; available: {', '.join(known)}")
    if len(set(attributes)) < len(attributes):
        raise DataError(f"{key}: {list(attributes)} names one twice")
    return [known.index(name) for name in attributes]


def _read_attributes(folder: Path) -> tuple[list[str], dict[str, list[int]]]:
    """Attribute names, and picture name → one of -1 and 1 for each."""
    content = (folder / ATTRIBUTES).read_bytes()
    try:
        count, header, *rows = content.decode("ascii").splitlines()
        known = header.split()
        values = {row.split()[0]: [int(value) for value in row.split()[1:]] for row in rows}
        wrong = any(len(v) != len(known) or {*v} - {-1, 1} for v in values.values())
        if wrong or not int(count) == len(rows) == len(values):
            raise ValueError
    except (ValueError, IndexError):
        raise damaged(ATTRIBUTES, content, "a count, a line of names and -1 or 1 for each picture and name") from None
    check_published(ATTRIBUTES, content, len(values), FACES, MD5[ATTRIBUTES])
    return known, values


def _read_partition(folder: Path) -> dict[str, int]:
    """Picture name → 0 (train), 1 (val) or 2 (test)."""
    content = (folder / PARTITION).read_bytes()
    try:
        partition = {name: int(number) for name, number in map(str.split, content.decode("ascii").splitlines())}
        if not partition or {*partition.values()} - {*PARTITIONS.values()}:
            raise ValueError
    except ValueError:
        raise damaged(PARTITION, content, "a list of picture names with 0, 1 or 2") from None
    check_published(PARTITION, content, len(partition), FACES, MD5[PARTITION])
    return partition
