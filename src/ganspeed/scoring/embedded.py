"""Images embedded by a metric classifier, and the Gaussian fitted to their features."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Embedded:
    """N images embedded by a metric classifier: features (N, d) and class probabilities (N, K).

    `probabilities` is None where the classifier was not trained on classes.
    """

    features: Array
    probabilities: Array | None

    @cached_property
    def statistics(self) -> "Statistics":
        """Computed once: real images are compared with every snapshot."""
        return statistics(self.features)

    def subset(self, index: Array) -> "Embedded":
        return Embedded(self.features[index], None if self.probabilities is None else self.probabilities[index])


@dataclass(frozen=True)
class Statistics:
    """Mean (d,) and unbiased covariance (d, d) of n feature vectors."""

    mean: Array
    covariance: Array
    n: int

    @cached_property
    def root(self) -> Array:
        """The covariance's symmetric square root (d, d); eigenvalues that rounding made negative count as 0."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def statistics(features: Array) -> Statistics:
    """The Gaussian fitted to features (n, d), n >= 2."""
    features = np.asarray(features, dtype=np.float64)
    mean, n = features.mean(axis=0), len(features)
    centred = features - mean
    return Statistics(mean, centred.T @ centred / (n - 1), n)
