"""Limits that follow from several numbers of params.yaml: what a stage would refuse, or could not hold, hours later."""

from contextlib import suppress

from pydantic import ValidationError

from ganspeed.params.blocks import Evaluate, Params
from ganspeed.params.counts import Batches
from ganspeed.params.datasets import MIN_TRAIN, PICTURES, CelebA, Data, Dataset
from ganspeed.params.networks import Networks, largest_weight, resolved
from ganspeed.params.problems import numbers_fed

MAX_PAIRS = 20  # paired seeds: the exact test enumerates 2^n sign flips, and 2^20 subsets fit in memory
MAX_ROWS = 10**6  # of a run's history, which is in memory and in every checkpoint
MAX_VALUES = 2**31  # of one array: 8 GiB in single precision
CODES = ("categorical", "continuous")  # hyperparameters by which G is fed more than the noise
# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    f"more than {MAX_PAIRS} seeds of variants that are compared": ("compare.seeds",),
    "more pictures than a published source has": ("datasets.<name>.data.holdout",),
    "more than the pictures for train": ("datasets.<name>.train.batch_size",),
    "an attribute twice": ("datasets.<name>.data.attributes",),
    "more than the data set's holdout or samples": ("evaluate.kid_subset_size", "evaluate.mode_min_count"),
    "as many as holdout, samples or manifold_samples, or more": ("evaluate.neighbours",),
    "as many dimensions as holdout or samples, or more": ("datasets.<name>.features.dim",),
    "fewer images than a metric asks for": ("datasets.<name>.data.holdout", "datasets.<name>.evaluate.samples"),
    "as few points as neighbours": ("evaluate.manifold_samples",),
    f"more than {MAX_ROWS:,} rows": ("datasets.<name>.train.log_every", "datasets.<name>.train.updates"),
    "an array of more than 8 GiB": (
        "datasets.<name>.data.image_size", "datasets.<name>.train.batch_size", "datasets.<name>.networks.latent.dim",
        "datasets.<name>.networks.G.width", "datasets.<name>.networks.D.width", "datasets.<name>.features.batch_size",
        "datasets.<name>.features.width", "datasets.<name>.features.dim", "datasets.<name>.evaluate.samples",
        "evaluate.sliced_projections", "variants.<name>.batches.G", "variants.<name>.batches.D",
        "variants.<name>.batches.grow.largest", "variants.<name>.categorical", "variants.<name>.continuous",
    ),
}  # fmt: skip


def limit_mistakes(params: Params) -> list[str]:
    """What exceeds a limit in the grid; data sets that `compare` does not name may be as they are."""
    mistakes = _seed_mistakes(params)
    grid = {name: params.datasets[name] for name in params.compare.datasets if name in params.datasets}
    for name, dataset in grid.items():
        mistakes += _picture_mistakes(f"datasets.{name}", dataset)
        mistakes += _metric_mistakes(f"datasets.{name}", dataset, params.evaluate)
        mistakes += _size_mistakes(f"datasets.{name}", dataset, params.evaluate)
        for label, networks in _networks_of_grid(params, name).items():
            mistakes += _network_size_mistakes(f"datasets.{name}", dataset, label, networks)
        for variant in filter(params.variants.get, params.compare.variants):
            mistakes += _variant_size_mistakes(params, name, variant)
        if isinstance(dataset.data, CelebA) and len(set(dataset.data.attributes)) < len(dataset.data.attributes):
            mistakes.append(f"datasets.{name}.data.attributes: {list(dataset.data.attributes)} names one twice")
    return mistakes


def _seed_mistakes(params: Params) -> list[str]:
    """More seeds than the exact test takes, where any two variants are compared."""
    grid, n = params.compare.variants, len(params.compare.seeds)
    references = set(params.protocol.references) & set(grid)
    if n <= MAX_PAIRS or not (params.protocol.planned or (references and len(grid) > 1)):
        return []
    return [f"compare.seeds: {n} seeds; the exact test of paired seeds takes at most {MAX_PAIRS}"]


def _picture_mistakes(key: str, dataset: Dataset) -> list[str]:
    """More pictures for val and test than a published source has, too few left for train, or fewer than a batch takes.

    The user's own pictures are counted by the stage prepare.
    """
    data, batch = dataset.data, dataset.train.batch_size
    parts = dict(PICTURES.get(data.source, {}))
    if not parts:
        return []
    published = parts.pop("train")
    drawn = 2 - len(parts)  # of val and test, those that are taken from train
    most = min([*parts.values(), *([(published - MIN_TRAIN) // drawn] if drawn else [])])
    if data.holdout > most:
        return [
            f"{key}.data.holdout: {data.holdout:,} is not <= {most:,}: val and test get so many pictures each, of "
            f"{data.source}'s {_published(data)}"
        ]
    left = left_for_train(dataset)
    if batch <= left:
        return []
    return [
        f"{key}.train.batch_size: {batch:,} is not <= {left:,}, the pictures for train by {key}.data.holdout, of "
        f"{data.source}'s {_published(data)}"
    ]


def left_for_train(dataset: Dataset) -> int | None:
    """Pictures that val and test leave to train; None where their number is not known before the stage prepare."""
    parts = dict(PICTURES.get(dataset.data.source, {}))
    return parts.pop("train") - (2 - len(parts)) * dataset.data.holdout if parts else None


def _published(data: Data) -> str:
    return ", ".join(f"{n:,} for {name}" for name, n in PICTURES[data.source].items())


def _networks_of_grid(params: Params, dataset: str) -> dict[str, Networks]:
    """Those of the data set, and of each variant of the grid that overrides keys of them; by what messages call them.

    Overrides with a mistake are left out; it is named elsewhere.
    """
    found = {"networks": params.datasets[dataset].networks}
    for name in params.compare.variants:
        if name in params.variants and params.variants[name].networks:
            with suppress(ValidationError):
                found[f"variants.{name}.networks"] = params.networks(dataset, name)
    return found


def _metric_mistakes(key: str, dataset: Dataset, evaluate: Evaluate) -> list[str]:
    """Metrics that are asked for more images than there are: `holdout` real ones, `samples` generated ones.

    The floor of the calibration compares `holdout` images with as many others. Of n images the covariance has at most
    the rank n - 1: with fewer than one more than dimensions, cfid measures what the images happen to leave out.
    """
    images = {f"{key}.data.holdout": dataset.data.holdout, f"{key}.evaluate.samples": dataset.evaluate.samples}
    points = images | {"evaluate.manifold_samples": evaluate.manifold_samples}
    fewest, smallest = (min(counts, key=counts.get) for counts in (images, points))
    n, mistakes = images[fewest], []
    for setting, value in (("kid_subset_size", evaluate.kid_subset_size), ("mode_min_count", evaluate.mode_min_count)):
        if value > n:
            mistakes.append(f"evaluate.{setting}: {value:,} is more than the {n:,} images of {fewest}")
    if evaluate.neighbours >= points[smallest]:
        mistakes.append(
            f"evaluate.neighbours: {evaluate.neighbours:,} is not < {points[smallest]:,}, the points by {smallest}, "
            "each of which needs so many others"
        )
    if dataset.features.dim >= n:
        mistakes.append(
            f"{key}.features.dim: {dataset.features.dim:,} is not < {n:,}, the images by {fewest}: a covariance of "
            "more dimensions than images makes cfid meaningless"
        )
    return mistakes


def _size_mistakes(key: str, dataset: Dataset, evaluate: Evaluate) -> list[str]:
    """Arrays and histories that no memory holds, whatever the networks."""
    train, features, samples = dataset.train, dataset.features, dataset.evaluate.samples
    pixels = dataset.data.image_size**2
    values = {
        "features.batch_size x features.width x pixels / 4": features.batch_size * features.width * pixels // 4,
        "evaluate.samples x pixels": samples * pixels,
        "evaluate.samples x features.dim": samples * features.dim,
        "evaluate.samples x evaluate.sliced_projections": samples * evaluate.sliced_projections,
    }
    mistakes = _too_large(key, values)
    if (rows := train.updates // train.log_every) > MAX_ROWS:
        mistakes.append(f"{key}.train.log_every: {train.log_every:,} gives {rows:,} rows; allowed: {MAX_ROWS:,}")
    return mistakes


def _network_size_mistakes(key: str, dataset: Dataset, label: str, networks: Networks) -> list[str]:
    """Arrays of these networks that no memory holds."""
    width, pixels = max(networks.G.width, networks.D.width), dataset.data.image_size**2
    seen = numbers_fed(dataset.train.problem, (3, *[dataset.data.image_size] * 2))
    values = {
        f"train.batch_size x {label}' width x pixels / 4": dataset.train.batch_size * width * pixels // 4,
        f"evaluate.samples x {label}.latent.dim": dataset.evaluate.samples * networks.latent.dim,
        f"the largest weight by {label}": largest_weight(resolved(networks, dataset.data.image_size),
                                                         dataset.data.image_size, seen),
        "evaluate.samples x the numbers of train.problem": dataset.evaluate.samples * seen,
    }  # fmt: skip
    return _too_large(key, values)


def _variant_size_mistakes(params: Params, dataset: str, name: str) -> list[str]:
    """Arrays that no memory holds by what a variant has of its own: sizes of batches, and codes beside the noise."""
    block, variant = params.datasets[dataset], params.variants[name]
    try:
        networks = params.networks(dataset, name)
    except ValidationError:  # named elsewhere
        return []
    label = f"variants.{name}.networks" if variant.networks else "networks"
    batches, own, values = variant.batches or Batches(), variant.hyperparameters(), {}
    width, pixels = max(networks.G.width, networks.D.width), block.data.image_size**2
    largest = batches.grow and batches.grow.largest
    for key, size in (("G", batches.G), ("D", batches.D), ("grow.largest", largest)):
        values[f"variants.{name}.batches.{key} x {label}' width x pixels / 4"] = (size or 0) * width * pixels // 4
    if codes := {f"variants.{name}.{key}": own[key] for key in CODES if own.get(key)}:
        fed = " + ".join([f"{label}.latent.dim", *codes])
        values[f"evaluate.samples x ({fed})"] = block.evaluate.samples * (networks.latent.dim + sum(codes.values()))
    return _too_large(f"datasets.{dataset}", values)


def _too_large(key: str, values: dict[str, int]) -> list[str]:
    return [
        f"{key}: {product} = {count:,} values of one array; allowed: {MAX_VALUES:,}, which take 8 GiB"
        for product, count in values.items()
        if count > MAX_VALUES
    ]
