"""Metrics of whether G's samples show what G was asked for: a class, the value of a categorical code, or an image.

The first two are read off the samples by the metric classifier, whose own mistakes count as G's. Of several categorical
codes it would be the first; `Latents` has one at most.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ganspeed.networks.latents import Latents
from ganspeed.scoring.embedder import EmbeddedSet

PERMUTATIONS = 1000  # of the codes among the samples
PERCENTILE = 99  # of the accuracies under these
STREAM = 2  # of seeds: the subsets of generated and of real images are drawn with 0 and 1

Labels = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Asked:
    """What G was asked for, sample by sample, each (N,); None where it is fed none. The names are those of Latents."""

    classes: Labels | None = None
    categorical: Labels | None = None
    image: Labels | None = None  # the place, among the held-out images, of the one whose degraded version it is fed

    @classmethod
    def of(cls, z: Tensor, latents: Latents, image: Labels | None = None) -> "Asked":
        """What is in z (N, latents.size), the very numbers that G is fed, and the place of the images behind it."""
        classes, codes = latents.asked_classes(z), latents.codes(z)[:, : latents.categorical]
        return cls(*(part.argmax(1).cpu().numpy() if part.shape[1] else None for part in (classes, codes)), image)


def share_of_asked(found: Labels, asked: Labels) -> float:
    """Share of samples whose class is the one that was asked for, in [0, 1]. found, asked: (N,)."""
    return float((found == asked).mean())


def code_accuracy(found: Labels, codes: Labels) -> float:
    """The largest share of samples whose code means their class, over one-to-one maps of codes to classes.

    found, codes: (N,). Where there are more codes than classes, some mean no class, and their samples count as wrong.
    The map is made for these very samples: 1 over the larger number of codes and classes is the least there can be.
    """
    shape = codes.max() + 1, found.max() + 1
    counts = np.bincount(codes * shape[1] + found, minlength=shape[0] * shape[1]).reshape(shape)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(found))


def code_chance(found: Labels, codes: Labels, seed: int) -> float:
    """The 99th percentile of `code_accuracy` over 1,000 random permutations of the codes among the samples.

    found, codes: (N,). A code without a meaning exceeds it in about one case of a hundred.
    """
    rng = np.random.default_rng((seed, STREAM))
    return float(np.percentile([code_accuracy(found, rng.permutation(codes)) for _ in range(PERMUTATIONS)], PERCENTILE))


def found_classes(generated: EmbeddedSet) -> Labels:
    """The class that the classifier finds in each sample, (N,)."""
    return generated.first.probabilities.argmax(axis=1)


# By the embedded samples, what was asked for, and evaluate.seed.
FUNCTIONS: dict[str, Callable[[EmbeddedSet, Asked, int], float]] = {
    "asked": lambda generated, asked, _: share_of_asked(found_classes(generated), asked.classes),
    "code_accuracy": lambda generated, asked, _: code_accuracy(found_classes(generated), asked.categorical),
    "code_chance": lambda generated, asked, seed: code_chance(found_classes(generated), asked.categorical, seed),
    "l2_to_target": lambda generated, *_: generated.l2_to_target,
}
