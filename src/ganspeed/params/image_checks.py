"""What a data set's blocks ask of its images, and cannot have: known from params.yaml alone."""

from collections.abc import Iterator

from ganspeed.params.blocks import Params
from ganspeed.params.classes import choice_mistakes, known_classes
from ganspeed.params.counts import Batches
from ganspeed.params.datasets import Dataset
from ganspeed.params.limits import left_for_train
from ganspeed.params.problems import Mask, Upscale

# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "an unknown class, or one twice": ("datasets.<name>.data.classes",),
    "fewer images than a batch of a player": ("datasets.<name>.train.limit",),
    "more images than there are for train": ("datasets.<name>.train.limit",),
    "a filter as large as an image": ("datasets.<name>.train.denoise",),
    "a factor that does not divide the image's side": ("datasets.<name>.train.problem.factor",),
    "a square as large as an image": ("datasets.<name>.train.problem.size",),
}  # fmt: skip


def image_mistakes(params: Params) -> list[str]:
    """Mistakes of the data sets of the grid."""
    mistakes = []
    for name in filter(params.datasets.get, params.compare.datasets):
        data = params.datasets[name].data
        if data.classes is not None and (known := known_classes(data)):
            mistakes += choice_mistakes(f"datasets.{name}.data.classes", data.classes, known)
        mistakes += _limit_mistakes(params, name, params.datasets[name])
        mistakes += _filter_mistakes(f"datasets.{name}", params.datasets[name])
        mistakes += _problem_mistakes(f"datasets.{name}", params.datasets[name])
    return mistakes


def _limit_mistakes(params: Params, name: str, dataset: Dataset) -> Iterator[str]:
    limit, key, left = dataset.train.limit, f"datasets.{name}.train.limit", left_for_train(dataset)
    if limit is None:
        return
    largest = max((batch for batch in _batches(params, name, dataset).items()), key=lambda batch: batch[1])
    if limit < largest[1]:
        yield f"{key}: {limit:,} is not >= {largest[0]}, which is {largest[1]:,}"
    if left is not None and limit > left:
        yield f"{key}: {limit:,} is not <= {left:,}, the pictures for train by datasets.{name}.data.holdout"


def _filter_mistakes(key: str, dataset: Dataset) -> Iterator[str]:
    side, size = dataset.train.denoise, dataset.data.image_size
    if side >= size:
        yield f"{key}.train.denoise: {side} is not < {key}.data.image_size, which is {size}"


def _problem_mistakes(key: str, dataset: Dataset) -> Iterator[str]:
    problem, size = dataset.train.problem, dataset.data.image_size
    where = f"{key}.data.image_size, which is {size}"
    if isinstance(problem, Upscale) and size % problem.factor:
        yield f"{key}.train.problem.factor: {problem.factor} does not divide {where}"
    if isinstance(problem, Mask) and problem.size >= size:
        yield f"{key}.train.problem.size: {problem.size} is not < {where}"


def _batches(params: Params, name: str, dataset: Dataset) -> dict[str, int]:
    """Key → images, of every size of batches that runs of the grid have on a data set."""
    found = {}
    for variant in filter(params.variants.get, params.compare.variants):
        own = params.variants[variant].batches or Batches()
        sizes = {"G": own.G, "D": own.D, "grow.largest": own.grow and own.grow.largest}
        found |= {f"variants.{variant}.batches.{key}": size for key, size in sizes.items() if size}
        if not (own.G and own.D):
            found[f"datasets.{name}.train.batch_size"] = dataset.train.batch_size
    return found or {f"datasets.{name}.train.batch_size": dataset.train.batch_size}
