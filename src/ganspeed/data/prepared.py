"""Prepared data sets on the disk: arrays with a manifest, written as a stream and checked at every load."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganspeed.data.duplicates import Duplicates, count_duplicates, picture_digest
from ganspeed.data.pictures import DataError, Pictures, refuse_all
from ganspeed.data.splits import SPLITS
from ganspeed.errors import UserError
from ganspeed.params.classes import choice_mistakes
from ganspeed.system.files import read_json, sha256_file, write_json

MANIFEST = "manifest.json"
CHUNK = 4096  # images read at once when a range is checked


@dataclass(frozen=True)
class SplitManifest:
    """A split in manifest.json."""

    n: int
    shape: tuple[int, int, int]  # of an image, (C, H, W)
    dtype: str
    min: float
    max: float
    images_sha256: str
    labels_sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json."""

    dataset: str
    source: dict[str, Any]  # Source.origin
    classes: tuple[str, ...]  # () where there are none
    splits: dict[str, SplitManifest]
    duplicates: Duplicates | None = None  # None, and not in the file, where no picture has a copy


def write_splits(
    folder: Path, splits: dict[str, tuple[Pictures, np.ndarray]]
) -> tuple[dict[str, SplitManifest], Duplicates | None]:
    """Write images and labels of every split, with one picture in memory at a time.

    splits: as `split_pictures` returns them. Returns what the manifest says of them. Raises DataError naming all
    pictures that cannot be read, once all were tried.
    """
    written, digests, unreadable = {}, [], []
    for split, (pictures, indices) in splits.items():
        written[split], of_split = _write_split(folder, split, pictures, indices, unreadable)
        digests.append(of_split)
    refuse_all(unreadable)
    duplicates = count_duplicates(digests)
    return written, duplicates if duplicates.pictures else None


def _write_split(
    folder: Path, split: str, pictures: Pictures, indices: np.ndarray, unreadable: list[str]
) -> tuple[SplitManifest, np.ndarray]:
    """Returns the split's part of the manifest and the digests of its pictures, uint64 (N,).

    What is wrong with a picture that cannot be read is appended to `unreadable`.
    """
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(indices), *pictures.shape)}
    low, high, digests = np.inf, -np.inf, np.zeros(len(indices), dtype=np.uint64)
    images_path, labels_path = _paths(folder, split)
    with images_path.open("wb") as file:  # no memory map: a full disk would end the process without a message
        np.lib.format.write_array_header_1_0(file, header)
        for position, index in enumerate(indices):
            try:
                picture = pictures.read(int(index))
            except DataError as error:
                unreadable.append(str(error))
                continue
            content = picture.astype("<f4", copy=False).tobytes()
            file.write(content)
            digests[position] = picture_digest(content)
            low, high = min(low, float(picture.min())), max(high, float(picture.max()))
    np.save(labels_path, pictures.labels[indices].astype(np.int64))
    hashes = {"images_sha256": sha256_file(images_path), "labels_sha256": sha256_file(labels_path)}
    part = SplitManifest(n=len(indices), shape=pictures.shape, dtype="float32", min=low, max=high, **hashes)
    return part, digests


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json. The same data give the same bytes."""
    content = asdict(manifest)
    if manifest.duplicates is None:  # so that the manifest, and every fingerprint with it, is that of former versions
        del content["duplicates"]
    write_json(folder / MANIFEST, content)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a prepared data set. Raises DataError when it is missing or is no manifest."""
    path = folder / MANIFEST
    try:
        return _parse_manifest(read_json(path))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; the stage prepare writes it") from None
    except (UserError, TypeError, KeyError, AttributeError):  # no JSON, or another
        raise DataError(f"{path}: not the manifest of a prepared data set; run the stage prepare again") from None


def _parse_manifest(content: Any) -> Manifest:
    """Raises TypeError, KeyError or AttributeError for other keys than a manifest's."""
    parts = {name: part | {"shape": tuple(part["shape"])} for name, part in content["splits"].items()}
    splits = {name: SplitManifest(**part) for name, part in parts.items()}
    if splits.keys() != set(SPLITS):
        raise KeyError(*splits)
    parsed = {"classes": tuple(content["classes"]), "splits": splits}
    if "duplicates" in content:
        parsed["duplicates"] = Duplicates(**content["duplicates"])
    return Manifest(**content | parsed)


def manifest_sha256(folder: Path) -> str:
    """SHA-256 of manifest.json, which contains the hashes of all data. Raises DataError when it is missing."""
    read_manifest(folder)
    return sha256_file(folder / MANIFEST)


def class_numbers(folder: Path, classes: Sequence[str] | None) -> tuple[int, ...]:
    """The numbers, ascending, of these classes of a prepared data set; () for None. Raises DataError for others."""
    if classes is None:
        return ()
    known = read_manifest(folder).classes
    refuse_all(choice_mistakes(f"datasets.{folder.name}.data.classes", classes, known))
    return tuple(sorted(map(known.index, classes)))


def load_split(folder: Path, split: str, numbers: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split, after checking everything that the manifest says of them.

    numbers: of the classes that are asked for, as labels have them; () for all. Returns images, float32 (N, C, H, W) in
    [-1, 1], memory-mapped and read-only, or a copy of those of some classes, and labels, int64 (N,).
    Raises DataError naming the file. The check takes about a second per gigabyte; DVC itself trusts its cache.
    """
    images, labels = _load_whole(folder, split)
    if not numbers:
        return images, labels
    index = of_classes(labels, numbers)
    if not len(index):
        names = ", ".join(repr(read_manifest(folder).classes[number]) for number in numbers)
        raise DataError(f"datasets.{folder.name}.data.classes: no image in {split} of {names}")
    return images[index], labels[index]


def of_classes(labels: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """The places (n,) of the labels (N,) that are among these numbers; () stands for all."""
    return np.flatnonzero(np.isin(labels, numbers)) if numbers else np.arange(len(labels))


def _load_whole(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """As `load_split` without numbers."""
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; available: {', '.join(SPLITS)}")
    manifest = read_manifest(folder)
    part = manifest.splits[split]
    images_path, labels_path = _paths(folder, split)
    if part.n == 0:
        raise DataError(f"{images_path}: no images, says the manifest; allowed: one or more")
    images = _checked(images_path, np.float32, (part.n, *part.shape), part.images_sha256)
    labels = np.array(_checked(labels_path, np.int64, (part.n,), part.labels_sha256))
    low, high = _range(images_path, images)
    if (low, high) != (part.min, part.max) or low < -1 or high > 1:
        says = f"the manifest says {part.min} to {part.max}, and -1 to 1 is allowed"
        raise DataError(f"{images_path}: values from {low} to {high}; {says}")
    classes = max(1, len(manifest.classes))
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{labels_path}: labels from {labels.min()} to {labels.max()}; allowed: 0 to {classes - 1}")
    return images, labels


def _checked(path: Path, dtype: type, shape: tuple[int, ...], sha256: str) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; the stage prepare writes it") from None
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path}: damaged: {error}") from None
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise DataError(f"{path}: {array.dtype} {array.shape}; the manifest says {np.dtype(dtype)} {shape}, C order")
    if (seen := sha256_file(path)) != sha256:
        raise DataError(f"{path}: sha256 {seen}; the manifest says {sha256}: it was changed after the stage prepare")
    return array


def _range(path: Path, images: np.ndarray) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        least, most = float(chunk.min()), float(chunk.max())
        if not (np.isfinite(least) and np.isfinite(most)):  # NaN is carried by min and max
            raise DataError(f"{path}: NaN or infinity among images {start} to {start + len(chunk) - 1}")
        low, high = min(low, least), max(high, most)
    return low, high


def _paths(folder: Path, split: str) -> tuple[Path, Path]:
    return folder / f"{split}_images.npy", folder / f"{split}_labels.npy"
