"""Prepared data sets on the disk: arrays with a manifest, written in a stream and checked at every load."""

from pathlib import Path
from typing import Any

import numpy as np

from ganspeed.data.source import DataError, Pictures
from ganspeed.data.splits import SPLITS
from ganspeed.system.files import read_json, sha256_file, write_json

MANIFEST = "manifest.json"
KEYS = {"dataset", "source", "classes", "splits"}
SPLIT_KEYS = {"n", "shape", "dtype", "min", "max", "images_sha256", "labels_sha256"}
CHUNK = 4096  # images looked at together when a range is checked


def write_split(folder: Path, split: str, pictures: Pictures, indices: np.ndarray) -> dict[str, Any]:
    """Write the images and labels of one split, one picture in memory at a time; returns its part of the manifest."""
    shape = pictures.read(int(indices[0])).shape
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(indices), *shape)}
    low, high = np.inf, -np.inf
    with _images(folder, split).open("wb") as file:  # not a memory map, which a full disk would kill without a word
        np.lib.format.write_array_header_1_0(file, header)
        for index in indices:
            picture = pictures.read(int(index))
            file.write(picture.astype("<f4", copy=False).tobytes())
            low, high = min(low, float(picture.min())), max(high, float(picture.max()))
    np.save(_labels(folder, split), pictures.labels[indices].astype(np.int64))
    return {
        "n": len(indices),
        "shape": list(shape),
        "dtype": "float32",
        "min": low,
        "max": high,
        "images_sha256": sha256_file(_images(folder, split)),
        "labels_sha256": sha256_file(_labels(folder, split)),
    }


def write_manifest(folder: Path, dataset: str, origin: dict, classes: tuple[str, ...], splits: dict) -> None:
    """Write manifest.json: the same data, the same bytes."""
    write_json(folder / MANIFEST, {"dataset": dataset, "source": origin, "classes": classes, "splits": splits})


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared data set. Raises DataError when it is missing or not one."""
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; the stage prepare writes it") from None
    except ValueError as error:
        raise DataError(f"{path}: not readable as JSON: {error}") from None
    if not _complete(manifest):
        raise DataError(f"{path}: not the manifest of a prepared data set; run the stage prepare again")
    return manifest


def manifest_sha256(folder: Path) -> str:
    """SHA-256 of manifest.json, which stands for all of the data. Raises DataError when it is not there."""
    read_manifest(folder)
    return sha256_file(folder / MANIFEST)


def load_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a split, after everything that the manifest says of them was checked.

    Returns images, float32 (N, C, H, W) in [-1, 1], memory-mapped and read-only, and labels, int64 (N,).
    Raises DataError by the file's name. The check costs about a second a gigabyte; DVC itself trusts its cache.
    """
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; available: {', '.join(SPLITS)}")
    manifest = read_manifest(folder)
    part = manifest["splits"][split]
    images_path, labels_path = _images(folder, split), _labels(folder, split)
    if part["n"] == 0:
        raise DataError(f"{images_path}: no images, by the manifest; allowed: one or more")
    images = _checked(images_path, np.float32, (part["n"], *part["shape"]), part["images_sha256"])
    labels = np.array(_checked(labels_path, np.int64, (part["n"],), part["labels_sha256"]))
    low, high = _range(images_path, images)
    if (low, high) != (part["min"], part["max"]) or low < -1 or high > 1:
        raise DataError(
            f"{images_path}: values from {low} to {high}; the manifest says {part['min']} to {part['max']}, "
            "and -1 to 1 is allowed"
        )
    classes = max(1, len(manifest["classes"]))
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{labels_path}: labels from {labels.min()} to {labels.max()}; allowed: 0 to {classes - 1}")
    return images, labels


def _complete(manifest: Any) -> bool:
    if not isinstance(manifest, dict) or manifest.keys() != KEYS or not isinstance(manifest["splits"], dict):
        return False
    parts = manifest["splits"]
    return parts.keys() == set(SPLITS) and all(
        isinstance(part, dict) and part.keys() == SPLIT_KEYS for part in parts.values()
    )


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


def _images(folder: Path, split: str) -> Path:
    return folder / f"{split}_images.npy"


def _labels(folder: Path, split: str) -> Path:
    return folder / f"{split}_labels.npy"
