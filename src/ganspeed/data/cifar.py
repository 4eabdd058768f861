"""CIFAR-10: 32×32 RGB, ten classes, from the published Python archive, unpacked or as .tar.gz."""

import hashlib
import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ganspeed.data.archive import MAX_FILE_BYTES, refuse_outside
from ganspeed.data.checksums import check_labels, check_published, damaged
from ganspeed.data.decode import in_memory
from ganspeed.data.download import fetch
from ganspeed.data.pictures import DataError, Source
from ganspeed.params.classes import THINGS
from ganspeed.params.datasets import PICTURES

SIDE = 32
ROW = 3 * SIDE * SIDE
FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
BATCH_IMAGES = PICTURES["cifar10"]["test"]
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
# The functions that a pickled dict of arrays, lists and numbers calls, as Python 2 and 3 and NumPy 1 and 2 write it
HARMLESS = {
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
}


def read_cifar10(dataset: str, folder: Path, image_size: int) -> Source:
    """CIFAR-10 from `<folder>/cifar-10-batches-py` or the archive beside it, downloaded when neither exists.

    Raises DataError naming the file.
    """
    unpacked = [name for name in MD5 if (folder / FOLDER / name).is_file()]
    if len(unpacked) < len(MD5) and not (folder / ARCHIVE).is_file():
        fetch(dataset, folder, [ARCHIVE], "CIFAR10")
    if len(unpacked) == len(MD5):
        files = {name: (folder / FOLDER / name).read_bytes() for name in MD5}
    else:
        files = _unpack(folder / ARCHIVE)
    batches = {name: parse_batch(f"{FOLDER}/{name}", content) for name, content in files.items()}
    for name, (pixels, _) in batches.items():
        check_published(f"{FOLDER}/{name}", files[name], len(pixels), BATCH_IMAGES, MD5[name])
    train = [batch for name, batch in batches.items() if name != "test_batch"]
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    hashes = {f"{FOLDER}/{name}": hashlib.sha256(content).hexdigest() for name, content in files.items()}
    parts = {"train": in_memory(pixels, labels, image_size), "test": in_memory(*batches["test_batch"], image_size)}
    return Source({"kind": "cifar10", "sha256": hashes}, THINGS, parts)


def parse_batch(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """One batch's pixels, uint8 (N, 32, 32, 3), and labels, int64 (N,). Raises DataError that begins with `name`.

    A pickle may call any function: only the HARMLESS ones are allowed.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    except Exception:  # noqa: BLE001 damaged pickles raise almost any error
        raise damaged(name, content, "a CIFAR-10 batch") from None
    if not isinstance(batch, dict) or not {"data", "labels"} <= batch.keys():
        raise DataError(f"{name}: not a CIFAR-10 batch, which has data and labels")
    data, labels = batch["data"], batch["labels"]
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (ROW,):
        seen = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{name}: data is {seen}; allowed: uint8 (N, {ROW})")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels) or len(labels) != len(data):
        raise DataError(f"{name}: labels are not a list of {len(data)} integers")
    pixels = data.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)  # a row of `data` is channel, height, width
    return np.ascontiguousarray(pixels), check_labels(name, np.array(labels), len(THINGS))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in HARMLESS:
            raise DataError(f"refused: it calls {module}.{name}")
        return super().find_class(module, name)


def _unpack(archive: Path) -> dict[str, bytes]:
    """File name → bytes of the batches in the archive, not written to the disk. Raises DataError for unsafe members."""
    files = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _check(member)
                folder, _, name = member.name.rpartition("/")
                if folder == FOLDER and name in MD5 and member.isfile():
                    files[name] = tar.extractfile(member).read()
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        with archive.open("rb") as file:
            raise damaged(ARCHIVE, file.read(1024), "a .tar.gz archive") from None
    if missing := [name for name in MD5 if name not in files]:
        raise DataError(f"{ARCHIVE}: without {', '.join(f'{FOLDER}/{name}' for name in missing)}")
    return {name: files[name] for name in MD5}


def _check(member: tarfile.TarInfo) -> None:
    """Raise DataError for a member that the published archive does not have: a link, a device, an oversized file."""
    refuse_outside(ARCHIVE, member.name)
    if not (member.isfile() or member.isdir()):
        raise DataError(f"{ARCHIVE}/{member.name}: a link or a device; allowed: folders and files")
    if member.size > MAX_FILE_BYTES:
        raise DataError(f"{ARCHIVE}/{member.name}: {member.size} bytes unpacked; allowed: {MAX_FILE_BYTES}")
