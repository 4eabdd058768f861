"""Warm starts and batches of a variant's own that the runs of a data set cannot have."""

from collections.abc import Iterator
from itertools import product

from ganspeed.params.blocks import Params
from ganspeed.params.counts import Batches, WarmStart
from ganspeed.params.datasets import Dataset
from ganspeed.params.limits import left_for_train

# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "a warm start beyond the end of a run": ("variants.<name>.warm_start.updates",),
    "a growth that is not before the end of a run": ("variants.<name>.batches.grow.every",),
    "a largest batch below the first": ("variants.<name>.batches.grow.largest",),
    "a batch of more than the pictures for train": (
        "variants.<name>.batches.G", "variants.<name>.batches.D", "variants.<name>.batches.grow.largest",
    ),
}  # fmt: skip


def count_mistakes(params: Params) -> list[str]:
    """Mistakes of warm starts and batches in every cell of the grid."""
    mistakes = []
    for dataset, name in product(params.compare.datasets, params.compare.variants):
        if dataset in params.datasets and name in params.variants:
            block, variant = params.datasets[dataset], params.variants[name]
            if variant.warm_start:
                mistakes += _warm_start_mistakes(variant.warm_start, f"variants.{name}", dataset, block)
            if variant.batches:
                mistakes += _batch_mistakes(variant.batches, f"variants.{name}", dataset, block)
    return mistakes


def _warm_start_mistakes(warm: WarmStart, key: str, dataset: str, block: Dataset) -> Iterator[str]:
    if warm.updates > block.train.updates:
        yield f"{key}.warm_start.updates: {warm.updates:,} is not <= {_length(dataset, block)}"


def _batch_mistakes(batches: Batches, key: str, dataset: str, block: Dataset) -> Iterator[str]:
    left, sizes = left_for_train(block), {"G": batches.G, "D": batches.D}
    if grow := batches.grow:
        first = {f"{key}.batches.{name}": size for name, size in sizes.items() if size}
        first = first or {f"datasets.{dataset}.train.batch_size": block.train.batch_size}
        name, size = max(first.items(), key=lambda item: item[1])
        if grow.largest < size:
            yield f"{key}.batches.grow.largest: {grow.largest:,} is not >= {name}, which is {size:,}"
        if grow.every >= block.train.updates:
            yield f"{key}.batches.grow.every: {grow.every:,} is not < {_length(dataset, block)}"
        sizes["grow.largest"] = grow.largest
    for name, size in sizes.items():
        if left is not None and size and size > left:
            pictures = f"the pictures for train by datasets.{dataset}.data.holdout"
            yield f"{key}.batches.{name}: {size:,} is not <= {left:,}, {pictures}"


def _length(dataset: str, block: Dataset) -> str:
    return f"datasets.{dataset}.train.updates, which is {block.train.updates:,}"
