"""Data sets by the names of their sources: a new one is a block in params/datasets.py, a file and a case here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganspeed.data.celeba import open_celeba
from ganspeed.data.cifar import read_cifar10
from ganspeed.data.digits import read_digits
from ganspeed.data.image_folder import open_image_folder
from ganspeed.data.mnist import read_idx_dataset
from ganspeed.data.pictures import Source
from ganspeed.params.datasets import AnyData


@contextmanager
def open_source(dataset: str, block: AnyData, folder: Path) -> Iterator[Source]:
    """The source that datasets.<dataset>.data names, read from `folder`. Raises DataError naming the file or key."""
    match block.source:
        case "digits":
            yield read_digits()
        case "mnist" | "fashion_mnist":
            yield read_idx_dataset(dataset, block.source, folder, block.image_size)
        case "cifar10":
            yield read_cifar10(dataset, folder, block.image_size)
        case "celeba":
            with open_celeba(dataset, block, folder) as opened:
                yield opened
        case "image_folder":
            with open_image_folder(f"datasets.{dataset}.data", block, folder) as opened:
                yield opened
