"""Distances between sets of images, on features of the metric classifier: features → statistics → distance.

Small pure functions in float64. `cfid` is the Fréchet distance on these features and must not be called FID: another
extractor, another scale.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring.embedded import Array, Embedded, Statistics

CLASS_METRICS = ("modes", "mode_kl", "confident")  # they need a classifier of classes, not of rotations
FEATURE_METRICS = ("cfid", "ckid", "precision", "recall", "density", "coverage", *CLASS_METRICS)
DISTANCE_ROWS = 1024  # rows of a distance matrix held at a time


def frechet_distance(a: Statistics, b: Statistics) -> float:
    """Squared Fréchet (Wasserstein-2) distance of two Gaussians, >= 0 and exactly 0 for equal ones.

    ‖μa - μb‖² + tr Σa + tr Σb - 2 tr (Σa^½ Σb Σa^½)^½ (Dowson and Landau 1982; Heusel et al. 2017, 1706.08500). The
    last trace is the sum of the singular values of Σa^½ Σb^½, which loses no digits by squaring.
    """
    if np.array_equal(a.mean, b.mean) and np.array_equal(a.covariance, b.covariance):
        return 0.0
    cross = np.linalg.svd(a.root @ b.root, compute_uv=False).sum()
    squared_shift = np.sum((a.mean - b.mean) ** 2)
    return float(max(squared_shift + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross, 0.0))


@dataclass(frozen=True)
class Subsets:
    """Random subsets of a set for ckid: its lifted rows (N, d + 1), and of each subset its rows' indices (size,).

    `within`: of each subset the kernel's mean over pairs of different rows.
    """

    lifted: Array
    drawn: list[NDArray[np.integer]]
    within: list[float]


def subsets(features: Array, count: int, size: int, seed: tuple[int, int]) -> Subsets:
    """`count` subsets of `size` rows of features (N, d), each without repetition; 2 <= size <= N."""
    rng, lifted = np.random.default_rng(seed), _lifted(features)
    drawn = [rng.choice(len(lifted), size, replace=False) for _ in range(count)]
    return Subsets(lifted, drawn, [_within(lifted[index]) for index in drawn])


def kernel_distance(a: Subsets, b: Subsets) -> float:
    """Unbiased MMD² with kernel (x·y/d + 1)³, the mean over random subsets; may be negative and is not clipped.

    a, b: equally many subsets of equal size, drawn by different seeds. Bińkowski et al. 2018, 1801.01401.
    """
    pairs = zip(a.drawn, b.drawn, strict=True)
    between = [_cubes(a.lifted[i], b.lifted[j]) / (len(i) * len(j)) for i, j in pairs]
    return float(np.mean(a.within) + np.mean(b.within) - 2 * np.mean(between))


@dataclass(frozen=True)
class Manifold:
    """Points (N, d), each with a ball that reaches to its k-th nearest other point, by its squared radius (N,)."""

    points: Array
    squared_radii: Array
    k: int


def manifold(points: Array, k: int) -> Manifold:
    """The manifold of points (N, d). Raises ValueError unless N > k."""
    points = np.asarray(points, dtype=np.float64)
    return Manifold(points, _squared_radii(points, k), k)


def precision_recall_density_coverage(generated: Manifold, real: Manifold) -> dict[str, float]:
    """How far generated and real samples lie in each other's k-nearest-neighbour balls; density may exceed 1.

    A ball's border belongs to it. Kynkäänniemi et al. 2019, 1904.06991; Naeem et al. 2020, 2002.09797.
    """
    balls_around = np.empty(len(generated.points))  # of a generated sample: in how many real balls it lies
    recalled, covered = (np.zeros(len(real.points), dtype=bool) for _ in range(2))
    for rows, squared in _squared_distances(generated.points, real.points):
        inside = squared <= real.squared_radii
        balls_around[rows] = np.count_nonzero(inside, axis=1)
        covered |= inside.any(axis=0)
        recalled |= (squared <= generated.squared_radii[rows, None]).any(axis=0)
    return {
        "precision": float((balls_around > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(balls_around.mean() / real.k),
        "coverage": float(covered.mean()),
    }


def class_counts(probabilities: Array) -> NDArray[np.int64]:
    """Samples of each class, by the most probable class. probabilities: (N, K); returns (K,)."""
    return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])


def modes(counts: NDArray[np.int64], min_count: int) -> int:
    """Classes that got at least `min_count` samples. counts: (K,)."""
    return int((counts >= min_count).sum())


def mode_kl(generated: NDArray[np.int64], real: NDArray[np.int64]) -> float:
    """KL(generated ‖ real) of two class histograms (K,) in nats; 0 log 0 = 0.

    A class without real samples is counted as half a sample, so that the divergence stays finite. For equal
    distributions the expectation is about (K - 1)/2 · (1/N + 1/M) with N generated and M real samples.
    """
    p = generated / generated.sum()
    q = np.where(real == 0, 0.5, real)
    q = q / q.sum()
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))


def confident_share(probabilities: Array, confidence: float) -> float:
    """Share of samples whose most probable class has at least this probability. probabilities: (N, K)."""
    return float((probabilities.max(axis=1) >= confidence).mean())


def all_metrics(generated: Embedded, real: Embedded, settings: Evaluate) -> dict[str, float]:
    """Every metric of METRICS by name; those of CLASS_METRICS only where both sides have class probabilities."""
    values = {"cfid": frechet_distance(generated.statistics, real.statistics)}
    size = min(settings.kid_subset_size, len(generated.features), len(real.features))
    sides = _side(generated, settings, size, 0), _kept_side(real, settings, size, 1)
    drawn, manifolds = zip(*sides, strict=True)
    values["ckid"] = kernel_distance(*drawn)
    values |= precision_recall_density_coverage(*manifolds)
    if generated.probabilities is not None and real.probabilities is not None:
        values |= class_metrics(generated.probabilities, real.probabilities, settings)
    return values


def class_metrics(generated: Array, real: Array, settings: Evaluate) -> dict[str, float]:
    """The metrics of CLASS_METRICS. generated: (N, K), real: (M, K), class probabilities."""
    counts = class_counts(generated)
    return {
        "modes": float(modes(counts, settings.mode_min_count)),
        "mode_kl": mode_kl(counts, class_counts(real)),
        "confident": confident_share(generated, settings.confidence),
    }


def _side(embedded: Embedded, settings: Evaluate, size: int, number: int) -> tuple[Subsets, Manifold]:
    """What ckid and the manifolds need of one set alone. `number`: 0 or 1, for subsets of its own on either side.

    `size`: rows of a subset, at most as many as the smaller set has.
    """
    drawn = subsets(embedded.features, settings.kid_subsets, size, (settings.seed, number))
    points = _at_most(settings.manifold_samples, embedded.features, settings.seed)
    return drawn, manifold(points, settings.neighbours)


_kept_side = lru_cache(maxsize=1)(_side)  # of the real images, which are held against every snapshot


def _at_most(n: int, rows: Array, seed: int) -> Array:
    """All rows, or n of them drawn without repetition: a data set's first half need not look like its second."""
    return rows if len(rows) <= n else rows[np.random.default_rng(seed).choice(len(rows), n, replace=False)]


def _lifted(features: Array) -> Array:
    """(N, d) → (N, d + 1), float64: products of these are x·y/d + 1, and the kernel is their cube."""
    features = np.asarray(features, dtype=np.float64)
    return np.column_stack([features / np.sqrt(features.shape[1]), np.ones(len(features))])


def _within(rows: Array) -> float:
    """The kernel's mean over pairs of different lifted rows."""
    m = len(rows)
    return (_cubes(rows, rows) - np.sum(np.sum(rows * rows, axis=1) ** 3)) / (m * (m - 1))


def _cubes(x: Array, y: Array) -> float:
    """Sum of the kernel over all pairs of lifted rows."""
    products = x @ y.T
    return float(np.vdot(products * products, products))


def _squared_radii(points: Array, k: int) -> Array:
    """Squared distance of each point to its k-th nearest other point. points: (N, d), N > k; returns (N,)."""
    if len(points) <= k:
        raise ValueError(f"{len(points)} points have no {k}-th neighbour")
    from sklearn.neighbors import NearestNeighbors  # takes a second, and most who import this file use other things

    distances, _ = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()
    return distances[:, -1] ** 2


def _squared_distances(a: Array, b: Array):
    """Blocks of rows of the matrix of squared distances, which rounding may leave below 0.

    Yields (slice of a's rows, (rows, M) array).
    """
    b_norms = np.sum(b * b, axis=1)
    for start in range(0, len(a), DISTANCE_ROWS):
        block = a[start : start + DISTANCE_ROWS]
        squared = -2 * block @ b.T
        squared += np.sum(block * block, axis=1)[:, None]
        squared += b_norms
        yield slice(start, start + len(block)), squared
