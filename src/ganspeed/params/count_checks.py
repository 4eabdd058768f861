"""Warm and head starts and batches of a variant's own that a data set's runs cannot have, or gain nothing by."""

from collections.abc import Iterator
from itertools import product

from ganspeed.params.blocks import Params
from ganspeed.params.counts import MAX_STEPS, Batches, Growth, WarmStart
from ganspeed.params.datasets import Dataset
from ganspeed.params.limits import left_for_train
from ganspeed.params.variants import Variant

# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "a warm start beyond the end of a run": ("variants.<name>.warm_start.updates",),
    "a warm start of no update": ("variants.<name>.warm_start.updates", "variants.<name>.warm_start.every"),
    f"a first update of more than {MAX_STEPS:,} steps of D": (
        "variants.<name>.head_start", "variants.<name>.warm_start.steps", "variants.<name>.n_critic",
    ),
    "a growth that is not before the end of a run": ("variants.<name>.batches.grow.every",),
    "a largest batch below the first, or no larger": ("variants.<name>.batches.grow.largest",),
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
            mistakes += _first_update_mistakes(variant, f"variants.{name}")
            if variant.warm_start:
                mistakes += _warm_start_mistakes(variant.warm_start, f"variants.{name}", dataset, block)
            if variant.batches:
                mistakes += _batch_mistakes(variant.batches, f"variants.{name}", dataset, block)
    return mistakes


def _first_update_mistakes(variant: Variant, key: str) -> Iterator[str]:
    """A head start that is too long with the other steps of D in update 1: no signal stops a run within an update."""
    other, steps = f"{key}.n_critic", variant.n_critic
    if (warm := variant.warm_start) and (warm.updates or warm.every):  # each has update 1 among its own
        other, steps = f"{key}.warm_start.steps", warm.steps
    if variant.head_start and variant.head_start + steps > MAX_STEPS:
        yield f"{key}.head_start: {variant.head_start:,} with {other}: {steps:,} is not <= {MAX_STEPS:,} in all"


def _warm_start_mistakes(warm: WarmStart, key: str, dataset: str, block: Dataset) -> Iterator[str]:
    if warm.updates > block.train.updates:
        yield f"{key}.warm_start.updates: {warm.updates:,} is not <= {_length(dataset, block)}"
    if not warm.updates and not warm.every:
        yield f"{key}.warm_start.updates: 0 with {key}.warm_start.every: 0, so that no update has its steps"
    elif not warm.updates and warm.every >= block.train.updates:
        yield (
            f"{key}.warm_start.every: {warm.every:,} is not < {_length(dataset, block)}, with "
            f"{key}.warm_start.updates: 0"
        )


def _batch_mistakes(batches: Batches, key: str, dataset: str, block: Dataset) -> Iterator[str]:
    left, sizes = left_for_train(block), {"G": batches.G, "D": batches.D}
    if grow := batches.grow:
        yield from _growth_mistakes(grow, _first_sizes(batches, key, dataset, block), f"{key}.batches.grow")
        if grow.every >= block.train.updates:
            yield f"{key}.batches.grow.every: {grow.every:,} is not < {_length(dataset, block)}"
        sizes["grow.largest"] = grow.largest
    for name, size in sizes.items():
        if left is not None and size and size > left:
            pictures = f"the pictures for train by datasets.{dataset}.data.holdout"
            yield f"{key}.batches.{name}: {size:,} is not <= {left:,}, {pictures}"


def _first_sizes(batches: Batches, key: str, dataset: str, block: Dataset) -> dict[str, int]:
    """Key → the size that it gives batches of G, of D or of both before they grow."""
    own = {f"{key}.batches.{player}": getattr(batches, player) for player in ("G", "D")}
    shared = f"datasets.{dataset}.train.batch_size", block.train.batch_size
    return dict(item if item[1] else shared for item in own.items())


def _growth_mistakes(grow: Growth, first: dict[str, int], key: str) -> Iterator[str]:
    name, size = max(first.items(), key=lambda item: item[1])
    if grow.largest < size:
        yield f"{key}.largest: {grow.largest:,} is not >= {name}, which is {size:,}"
    elif grow.largest == min(first.values()):
        yield f"{key}.largest: {grow.largest:,} is the first size by {' and '.join(first)}: no batch grows"


def _length(dataset: str, block: Dataset) -> str:
    return f"datasets.{dataset}.train.updates, which is {block.train.updates:,}"
