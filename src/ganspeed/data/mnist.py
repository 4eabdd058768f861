"""MNIST and Fashion-MNIST: 28×28 grey, ten classes, in the idx format of LeCun's page, unpacked or as .gz."""

import gzip
import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganspeed.data.archive import MAX_FILE_BYTES
from ganspeed.data.checksums import check_labels, check_published, damaged
from ganspeed.data.decode import in_memory
from ganspeed.data.download import fetch
from ganspeed.data.pictures import DataError, Source
from ganspeed.params.classes import CLASSES
from ganspeed.params.datasets import PICTURES

SIDE = 28
PREFIXES = {"train": "train", "test": "t10k"}
COUNTS = dict(PICTURES["mnist"])  # of Fashion-MNIST too


@dataclass(frozen=True)
class IdxDataset:
    """A published data set in this format. md5: of unpacked files, where they are known."""

    folder: str  # below GANSPEED_DATA, and the name of torchvision's class
    classes: tuple[str, ...]
    md5: dict[str, str]


MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
DATASETS = {
    "mnist": IdxDataset("MNIST", CLASSES["mnist"], MNIST_MD5),
    "fashion_mnist": IdxDataset("FashionMNIST", CLASSES["fashion_mnist"], {}),
}


def read_idx_dataset(dataset: str, kind: str, folder: Path, image_size: int) -> Source:
    """MNIST or Fashion-MNIST from `<folder>/<MNIST or FashionMNIST>/raw`, downloaded there when files are missing.

    kind: a key of DATASETS. Raises DataError naming the file.
    """
    published = DATASETS[kind]
    raw = f"{published.folder}/raw"
    names = [f"{prefix}-{what}-ubyte" for prefix in PREFIXES.values() for what in ("images-idx3", "labels-idx1")]
    missing = [
        f"{raw}/{n}" for n in names if not ((folder / raw / n).is_file() or (folder / raw / f"{n}.gz").is_file())
    ]
    if missing:
        fetch(dataset, folder, missing, published.folder)
    hashes, parts = {}, {}
    for split, prefix in PREFIXES.items():
        pixels = _read(folder, f"{raw}/{prefix}-images-idx3-ubyte", 3, COUNTS[split], published.md5, hashes)
        labels_name = f"{raw}/{prefix}-labels-idx1-ubyte"
        labels = _read(folder, labels_name, 1, COUNTS[split], published.md5, hashes)
        if pixels.shape[1:] != (SIDE, SIDE):
            raise DataError(f"{raw}/{prefix}-images-idx3-ubyte: pictures of {pixels.shape[1:]}; allowed: (28, 28)")
        if len(labels) != len(pixels):
            raise DataError(f"{labels_name}: {len(labels)} labels for {len(pixels)} pictures")
        parts[split] = in_memory(pixels, check_labels(labels_name, labels, len(published.classes)), image_size)
    return Source({"kind": kind, "sha256": hashes}, published.classes, parts)


def parse_idx(name: str, content: bytes, dimensions: int) -> np.ndarray:
    """An array of unsigned bytes from the idx format: two zero bytes, the type, the number of dimensions, the sizes.

    Returns uint8 with that many dimensions. Raises DataError that begins with `name`.
    """
    start = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < start:
        raise damaged(name, content, f"an idx file of bytes in {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(f"{name}: damaged or truncated: {len(content)} bytes, its header says {expected}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _read(
    folder: Path, name: str, dimensions: int, published_n: int, md5: dict[str, str], hashes: dict[str, str]
) -> np.ndarray:
    path = folder / name
    packed = folder / f"{name}.gz"
    content = path.read_bytes() if path.is_file() else _unpack(f"{name}.gz", packed.read_bytes())
    array = parse_idx(name, content, dimensions)
    if path.name in md5:
        check_published(name, content, len(array), published_n, md5[path.name])
    hashes[name] = hashlib.sha256(content).hexdigest()
    return array


def _unpack(name: str, packed: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise damaged(name, packed, "a gzip file") from None
    if len(content) > MAX_FILE_BYTES:
        raise DataError(f"{name}: more than {MAX_FILE_BYTES} bytes unpacked")
    return content
