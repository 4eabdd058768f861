"""Seeded, stratified splits into train, val and test, the latter two of the same size."""

import numpy as np

from ganspeed.data.pictures import DataError, Pictures
from ganspeed.params.datasets import MIN_TRAIN

SPLITS = ("train", "val", "test")


def sample_stratified(
    labels: np.ndarray, indices: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n of these indices at random, each class in proportion to within one; both results in random order.

    labels: (N,); indices: into labels; returns (drawn (n,), rest (len(indices) - n,)).
    """
    shuffled = rng.permutation(indices)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    drawn = np.zeros(len(indices), dtype=bool)
    drawn[np.arange(n) * len(indices) // n] = True  # equal steps through the classes, one after another
    return rng.permutation(by_class[drawn]), rng.permutation(by_class[~drawn])


def split_pictures(
    parts: dict[str, Pictures], holdout: int, split_seed: int, key: str
) -> dict[str, tuple[Pictures, np.ndarray]]:
    """Split → (published part, indices into it).

    val and test are drawn from the published part of that name, or else from train, `holdout` each; train is the rest
    of the published train. The order within a split is random, so that its first pictures are a random sample.
    Raises DataError naming `key`.holdout when there are too few pictures.
    """
    rng = np.random.default_rng(split_seed)
    train = np.arange(len(parts["train"].labels))
    splits = {}
    for name in ("test", "val"):
        published = parts.get(name)
        candidates = train if published is None else np.arange(len(published.labels))
        if len(candidates) < holdout:
            raise DataError(f"{key}.holdout: {holdout} is more than the {len(candidates)} pictures for {name}")
        part = published or parts["train"]
        drawn, rest = sample_stratified(part.labels, candidates, holdout, rng)
        splits[name] = part, drawn
        if published is None:
            train = rest
    if len(train) < MIN_TRAIN:
        left = f"{holdout} each for val and test leaves {len(train)} for train"
        raise DataError(f"{key}.holdout: {left}; allowed: {MIN_TRAIN} or more")
    return {"train": (parts["train"], rng.permutation(train))} | splits
