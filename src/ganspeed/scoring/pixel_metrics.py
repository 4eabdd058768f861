"""Metrics of sets of images on their pixels, without a classifier: optimal transport, and copies of training images.

Images are (N, C, H, W) in [-1, 1], and a distance is Euclidean over all of an image's values. The images of a set are
expected in random order, as those of a prepared split and of a generator are: of more than are needed, the first are
taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import ot
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import euclidean_distances

Array = NDArray[np.floating]

CANDIDATE_ROWS = 1024  # candidates for a nearest neighbour that distances are computed to at a time
SINKHORN_ITERATIONS = 15  # of Sinkhorn's algorithm; more take longer than they save


@dataclass(frozen=True)
class Pixels:
    """The pixels of N images, as far as metrics need them: projections (N, P), and the first n images (n, C·H·W)."""

    projections: Array
    samples: Array


@dataclass(frozen=True)
class NeighbourCandidates:
    """Training and held-out images (M, C, H, W), equally many of each, perhaps memory-mapped."""

    train: Array
    held_out: Array


def directions(dimension: int, count: int, seed: int) -> Array:
    """Unit vectors, uniform on the sphere and the same for every set: (dimension, count)."""
    return ot.sliced.get_random_projections(dimension, count, seed)


def flat(images: Array) -> Array:
    """(N, C, H, W) → (N, C·H·W)."""
    return images.reshape(len(images), int(np.prod(images.shape[1:])))  # -1 is refused for no images


def project(images: Array, onto: Array) -> Array:
    """Images (N, C, H, W) projected onto directions (C·H·W, P): (N, P), as precise as the images are."""
    return flat(images) @ onto.astype(images.dtype)


def neighbour_candidates(train: Array, held_out: Array) -> NeighbourCandidates:
    """The first images of both, equally many of each: the null of `memorisation` rests on that."""
    equal = min(len(train), len(held_out))
    return NeighbourCandidates(train[:equal], held_out[:equal])


def sliced_wasserstein(a: Array, b: Array) -> float:
    """Sliced Wasserstein-2 distance of two sets by their projections (N, P) and (M, P), >= 0.

    The root of the mean, over the directions, of the squared one-dimensional distance; a shift by s costs the root of
    the mean of (θ·s)², which is near |s|/√(C·H·W). Bonneel et al. 2015, Journal of Mathematical Imaging and Vision 51.
    """
    ranks = (np.arange(len(x), dtype=float) for x in (a, b))
    plan = ot.emd_1d(*ranks, dense=False)  # from rank to rank: the same along every direction
    differences = np.subtract(np.sort(a, axis=0)[plan.row], np.sort(b, axis=0)[plan.col], dtype=np.float64)
    return float(np.sqrt(np.mean(plan.data @ np.square(differences, out=differences))))


def exact_wasserstein(a: Array, b: Array) -> float:
    """Wasserstein-1 distance with plain Euclidean cost, by exact optimal transport between equally many images.

    With equal weights on both sides one optimal plan is an assignment.

    a: (n, D), b: (m, D), of which the first min(n, m) are taken: the distance between two samples of one distribution
    is not 0 and falls with their size, slowly in many dimensions, so that values of different sizes do not compare.
    """
    n = min(len(a), len(b))
    a, b = a[:n].astype(np.float64), b[:n].astype(np.float64)
    rows, columns = linear_sum_assignment(_reduced(euclidean_distances(a, b)))
    return float(np.linalg.norm(a[rows] - b[columns], axis=1).mean())  # the cost lost digits between near copies


def _reduced(cost: Array) -> Array:
    """(n, n) → same: rows and columns shifted to be near 0, which does not change the best assignment.

    SciPy's search starts from potentials of 0 and takes up to ten times as long on unshifted distances. The shifts are
    the potentials of the entropic problem (Cuturi 2013, 1306.0895), roughly solved.
    """
    cost = _with_minima_of_0(cost - cost.mean(axis=0))
    if smoothing := cost.mean() / 20:
        equal = np.full(len(cost), 1 / len(cost))
        _, scales = ot.bregman.sinkhorn_knopp(
            equal, equal, cost, smoothing, SINKHORN_ITERATIONS, stopThr=0, warn=False, log=True
        )
        cost = _with_minima_of_0(cost - smoothing * (np.log(scales["u"])[:, None] + np.log(scales["v"])))
    return cost


def _with_minima_of_0(cost: Array) -> Array:
    """Rows, then columns, shifted so that the minimum of each is 0."""
    cost = cost - cost.min(axis=1, keepdims=True)
    return cost - cost.min(axis=0)


def memorisation(generated: Array, candidates: NeighbourCandidates) -> float:
    """Share of generated images whose nearest neighbour, among equally many of both, is a training image; in [0, 1].

    generated: (n, D). Null: 1/2 exactly, in expectation, for images that are independent of the training images given
    the distribution of real ones, whatever their quality: which of the candidates were trained on is then a coin toss
    for each of them. Direction: above 1/2 they are nearer to what was trained on than to what was not, and it is 1 when
    each copies one of these training images; where these are a part p of all that were trained on, a generator that
    copies scores about 1/2 + p/2. Ties count half. One candidate may be the nearest of many generated images, so that
    the share is noisier than n coin tosses. After the data-copying test of Meehan et al. 2020, 2004.05675.
    """
    to_train, to_held_out = (_squared_to_nearest(generated, side) for side in (candidates.train, candidates.held_out))
    return float(np.mean((to_train < to_held_out) + 0.5 * (to_train == to_held_out)))


def _squared_to_nearest(points: Array, images: Array) -> Array:
    """Squared distance from each point (n, D) to the nearest of images (M, C, H, W): (n,)."""
    nearest = np.full(len(points), np.inf)
    for block in _blocks(images):
        nearest = np.minimum(nearest, euclidean_distances(points, block, squared=True).min(axis=1))
    return nearest


def _blocks(images: Array) -> Iterator[Array]:
    for start in range(0, len(images), CANDIDATE_ROWS):
        yield flat(np.asarray(images[start : start + CANDIDATE_ROWS]))


FUNCTIONS: dict[str, Callable[[Pixels, Pixels, NeighbourCandidates], float]] = {
    "swd": lambda generated, real, _: sliced_wasserstein(generated.projections, real.projections),
    "w1_exact": lambda generated, real, _: exact_wasserstein(generated.samples, real.samples),
    "memorisation": lambda generated, _, candidates: memorisation(generated.samples, candidates),
}
