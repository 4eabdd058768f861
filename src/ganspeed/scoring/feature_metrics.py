"""Metrics of sets of images on features of the metric classifiers: features → statistics → distance.

Small pure functions in float64. `cfid` is the Fréchet distance on these features and must not be called FID: another
extractor, another scale.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring.embedded import Array, Embedded, Statistics

DISTANCE_ROWS = 1024  # rows of a distance matrix in memory at a time


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
    """Random subsets of a set for ckid: its lifted rows (N, d + 1), and each subset's indices of rows (size,).

    within: each subset's mean of the kernel over pairs of different rows.
    """

    lifted: Array
    drawn: list[NDArray[np.integer]]
    within: list[float]


def subsets(features: Array, count: int, size: int, seed: tuple[int, int]) -> Subsets:
    """`count` subsets of `size` rows of features (N, d), each drawn without replacement; 2 <= size <= N."""
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
    """Points (N, d), each with a ball up to its k-th nearest other point, by its squared radius (N,)."""

    points: Array
    squared_radii: Array
    k: int


def manifold(points: Array, k: int) -> Manifold:
    """The manifold of points (N, d). Raises ValueError unless N > k."""
    points = np.asarray(points, dtype=np.float64)
    return Manifold(points, _squared_radii(points, k), k)


@dataclass(frozen=True)
class Overlap:
    """How far generated and real samples overlap, each in [0, 1] but density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(generated: Manifold, real: Manifold) -> Overlap:
    """The overlap of two sets by their k-nearest-neighbour balls, each of which includes its border.

    Kynkäänniemi et al. 2019, 1904.06991; Naeem et al. 2020, 2002.09797.
    """
    balls_around = np.empty(len(generated.points))  # how many real balls each generated sample lies in
    recalled, covered = (np.zeros(len(real.points), dtype=bool) for _ in range(2))
    for rows, squared in _squared_distances(generated.points, real.points):
        inside = squared <= real.squared_radii
        balls_around[rows] = np.count_nonzero(inside, axis=1)
        covered |= inside.any(axis=0)
        recalled |= (squared <= generated.squared_radii[rows, None]).any(axis=0)
    precision, density = float((balls_around > 0).mean()), float(balls_around.mean() / real.k)
    return Overlap(precision, float(recalled.mean()), density, float(covered.mean()))


def class_counts(probabilities: Array) -> NDArray[np.int64]:
    """Number of samples of each class, by the most probable class. probabilities: (N, K); returns (K,)."""
    return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])


def modes(counts: NDArray[np.int64], min_count: int) -> int:
    """Number of classes with at least `min_count` samples. counts: (K,)."""
    return int((counts >= min_count).sum())


def mode_kl(generated: NDArray[np.int64], real: NDArray[np.int64]) -> float:
    """KL(generated ‖ real) of two class histograms (K,) in nats; 0 log 0 = 0.

    A class without real samples counts as half a sample, so that the divergence is finite. For equal
    distributions the expectation is about (K - 1)/2 · (1/N + 1/M) with N generated and M real samples.
    """
    p = generated / generated.sum()
    q = np.where(real == 0, 0.5, real)
    q = q / q.sum()
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))


def confident_share(probabilities: Array, confidence: float) -> float:
    """Share of samples whose most probable class has at least this probability. probabilities: (N, K)."""
    return float((probabilities.max(axis=1) >= confidence).mean())


@dataclass(frozen=True, eq=False)
class FeatureSide:
    """One set of images embedded by both classifiers, and what metrics need of it alone, computed once.

    stream: 0 for generated and 1 for real images, whose subsets are drawn by different seeds. numbers: of the classes
    that real images are of, () for all that the classifiers know.
    """

    first: Embedded
    second: Embedded
    settings: Evaluate
    stream: int
    numbers: tuple[int, ...] = ()
    _subsets: dict[int, Subsets] = field(default_factory=dict)  # by size

    def subsets(self, size: int) -> Subsets:
        """The subsets of `size` rows for ckid."""
        if size not in self._subsets:
            seed = (self.settings.seed, self.stream)
            self._subsets[size] = subsets(self.first.features, self.settings.kid_subsets, size, seed)
        return self._subsets[size]

    @cached_property
    def manifold(self) -> Manifold:
        points = _at_most(self.settings.manifold_samples, self.first.features, self.settings.seed)
        return manifold(points, self.settings.neighbours)

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        return class_counts(self.first.probabilities)

    @property
    def classes(self) -> list[int]:
        """Numbers of the classes that real images are of; none where the classifiers were not trained on classes."""
        known = self.first.probabilities
        return [] if known is None else list(self.numbers or range(known.shape[1]))


@dataclass(frozen=True, eq=False)
class FeatureComparison:
    """Generated and real images: what FUNCTIONS are computed from."""

    generated: FeatureSide
    real: FeatureSide

    @cached_property
    def subsets(self) -> tuple[Subsets, Subsets]:
        """For ckid, of generated and real images; of at most as many rows as the smaller set has."""
        sides = (self.generated, self.real)
        size = min(self.real.settings.kid_subset_size, *(len(side.first.features) for side in sides))
        return self.generated.subsets(size), self.real.subsets(size)

    @cached_property
    def overlap(self) -> Overlap:
        return precision_recall_density_coverage(self.generated.manifold, self.real.manifold)


FUNCTIONS: dict[str, Callable[[FeatureComparison], float]] = {
    "cfid": lambda c: frechet_distance(c.generated.first.statistics, c.real.first.statistics),
    "cfid_second": lambda c: frechet_distance(c.generated.second.statistics, c.real.second.statistics),
    "ckid": lambda c: kernel_distance(*c.subsets),
    "precision": lambda c: c.overlap.precision,
    "recall": lambda c: c.overlap.recall,
    "density": lambda c: c.overlap.density,
    "coverage": lambda c: c.overlap.coverage,
    "modes": lambda c: float(modes(c.generated.class_counts[c.real.classes], c.real.settings.mode_min_count)),
    "mode_kl": lambda c: mode_kl(c.generated.class_counts, c.real.class_counts),
    "confident": lambda c: confident_share(c.generated.first.probabilities, c.real.settings.confidence),
}


def _at_most(n: int, rows: Array, seed: int) -> Array:
    """All rows, or n of them drawn without replacement: a data set may be ordered."""
    return rows if len(rows) <= n else rows[np.random.default_rng(seed).choice(len(rows), n, replace=False)]


def _lifted(features: Array) -> Array:
    """(N, d) → (N, d + 1), float64: their products are x·y/d + 1, whose cube is the kernel."""
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
    from sklearn.neighbors import NearestNeighbors  # takes a second, and most importers do without

    distances, _ = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()
    return distances[:, -1] ** 2


def _squared_distances(a: Array, b: Array) -> Iterator[tuple[slice, Array]]:
    """Blocks (slice of a's rows, (rows, M) array) of the matrix of squared distances, some < 0 by rounding."""
    b_norms = np.sum(b * b, axis=1)
    for start in range(0, len(a), DISTANCE_ROWS):
        block = a[start : start + DISTANCE_ROWS]
        squared = -2 * block @ b.T
        squared += np.sum(block * block, axis=1)[:, None]
        squared += b_norms
        yield slice(start, start + len(block)), squared
