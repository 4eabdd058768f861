"""Limits that follow from several numbers of params.yaml: what a stage would refuse, or could not hold, hours later."""

from ganspeed.params.blocks import Evaluate, Params
from ganspeed.params.datasets import MIN_TRAIN, PICTURES, CelebA, Data, Dataset

MAX_PAIRS = 20  # paired seeds: the exact test enumerates 2^n sign flips, and 2^20 subsets fit in memory
MAX_ROWS = 10**6  # of a run's history, which is in memory and in every checkpoint
MAX_VALUES = 2**31  # of one array: 8 GiB in single precision
# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    f"more than {MAX_PAIRS} seeds of variants that are compared": ("compare.seeds",),
    "more pictures than a published source has": ("datasets.<name>.data.holdout",),
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
        "evaluate.sliced_projections",
    ),
}  # fmt: skip


def limit_mistakes(params: Params) -> list[str]:
    """What exceeds a limit in the grid; data sets that `compare` does not name may be as they are."""
    mistakes = _seed_mistakes(params)
    grid = {name: params.datasets[name] for name in params.compare.datasets if name in params.datasets}
    for name, dataset in grid.items():
        mistakes += _holdout_mistakes(f"datasets.{name}.data", dataset.data)
        mistakes += _metric_mistakes(f"datasets.{name}", dataset, params.evaluate)
        mistakes += _size_mistakes(f"datasets.{name}", dataset, params.evaluate)
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


def _holdout_mistakes(key: str, data: Data) -> list[str]:
    """More pictures for val and test than a published source has, or too few left for train.

    The user's own pictures are counted by the stage prepare.
    """
    parts = dict(PICTURES.get(data.source, {}))
    if not parts:
        return []
    published = parts.pop("train")
    drawn = 2 - len(parts)  # of val and test, those that are taken from train
    most = min([*parts.values(), *([(published - MIN_TRAIN) // drawn] if drawn else [])])
    if data.holdout <= most:
        return []
    there = ", ".join(f"{n:,} for {name}" for name, n in PICTURES[data.source].items())
    return [
        f"{key}.holdout: {data.holdout:,} is not <= {most:,}: val and test get so many pictures each, of "
        f"{data.source}'s {there}"
    ]


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
    """Arrays and histories that no memory holds."""
    train, features, samples = dataset.train, dataset.features, dataset.evaluate.samples
    pixels, networks = dataset.data.image_size**2, dataset.networks
    width = max(networks.G.width, networks.D.width)
    values = {
        "train.batch_size x networks' width x pixels / 4": train.batch_size * width * pixels // 4,
        "features.batch_size x features.width x pixels / 4": features.batch_size * features.width * pixels // 4,
        "evaluate.samples x pixels": samples * pixels,
        "evaluate.samples x networks.latent.dim": samples * networks.latent.dim,
        "evaluate.samples x features.dim": samples * features.dim,
        "evaluate.samples x evaluate.sliced_projections": samples * evaluate.sliced_projections,
    }
    mistakes = [
        f"{key}: {product} = {count:,} values of one array; allowed: {MAX_VALUES:,}, which take 8 GiB"
        for product, count in values.items()
        if count > MAX_VALUES
    ]
    if (rows := train.updates // train.log_every) > MAX_ROWS:
        mistakes.append(f"{key}.train.log_every: {train.log_every:,} gives {rows:,} rows; allowed: {MAX_ROWS:,}")
    return mistakes
