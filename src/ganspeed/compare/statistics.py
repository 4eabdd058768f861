"""Paired differences, their exact test and the interval that belongs to it; Holm's correction.

The test: if the two arms are exchangeable within a seed, each difference is as likely as its negative. The two-sided
p is the share of all 2^n sign flips whose sum is at least as far from 0 as the observed one.

The interval holds every shift that the test does not reject, in closed form (J. A. Hartigan, Using subsample values
as typical values, JASA 64, 1969): for a shift below the mean of all differences, the flips that are as extreme are
those whose flipped subset has a mean at or below the shift, and their complements. So p changes only at the means of
the 2^n - 1 non-empty subsets, and with K = floor(2^n alpha/2) the limits are the K-th smallest and the K-th largest of
them: exact, and conservative since K is rounded down. It assumes differences symmetric about the shift, which late
arrivals, counted as the horizon, are not quite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ganspeed.errors import UserError
from ganspeed.params.limits import MAX_PAIRS

ALPHA = 0.05
MIN_PAIRS = 6  # below it the smallest possible two-sided p is above ALPHA
TIE = 1e-9  # sums closer than this share of the sum of absolute differences are equal


@dataclass(frozen=True)
class Effect:
    """What paired differences (log time of the reference minus log time of the new arm) say."""

    ratio: float  # exp of their mean: above 1 the new arm arrives sooner
    low: float | None
    high: float | None
    p: float | None
    n: int
    wins: int
    ties: int
    losses: int


def effect(differences: Sequence[float]) -> Effect:
    """Ratio, 95 % interval, two-sided p and counts; interval and p are None below 6 pairs.

    Raises UserError above 20 pairs, ValueError without any.
    """
    n = len(differences)
    low, high = limits(differences, ALPHA / 2) if n >= MIN_PAIRS else (None, None)
    return Effect(
        ratio=ratio(differences),
        low=None if low is None else math.exp(low),
        high=None if high is None else math.exp(high),
        p=sign_flip_p(differences) if n >= MIN_PAIRS else None,
        n=n,
        wins=sum(d > 0 for d in differences),
        ties=sum(d == 0 for d in differences),
        losses=sum(d < 0 for d in differences),
    )


def ratio(differences: Sequence[float]) -> float:
    """exp of the mean: of log times, a ratio of geometric means."""
    if not differences:
        raise ValueError("no pair to compare")
    return math.exp(math.fsum(differences) / len(differences))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Exact two-sided p over all sign flips. At most 20 differences, or UserError."""
    sums = subset_sums(differences)
    total, tie = sums[-1], TIE * math.fsum(map(abs, differences))
    return float(np.mean(np.abs(total - 2 * sums) >= abs(total) - tie))


def limits(differences: Sequence[float], tail: float) -> tuple[float | None, float | None]:
    """The shifts not rejected at level `tail` on either side: (lowest, highest), None where 2^n is too small for it.

    Each limit alone is a one-sided bound of confidence 1 - tail. At most 20 differences, or UserError.
    """
    k = math.floor(tail * 2 ** len(differences))
    if k == 0:
        return None, None
    means = subset_sums(differences)[1:] / _subset_sizes(len(differences))[1:]
    return float(np.partition(means, k - 1)[k - 1]), float(np.partition(means, -k)[-k])


def subset_sums(values: Sequence[float]) -> np.ndarray:
    """Sums of all 2^n subsets; entry i holds the subset of the bits of i, the last one all. At most 20 values."""
    if len(values) > MAX_PAIRS:
        raise UserError(f"{len(values)} paired seeds: the exact test takes at most {MAX_PAIRS}; name fewer seeds")
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


@cache
def _subset_sizes(n: int) -> np.ndarray:
    return subset_sums([1.0] * n)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p over a family; one without a p counts as 1 there and stays None."""
    from statsmodels.stats.multitest import multipletests  # takes half a second, for which a page has no use

    if not p_values:
        return []
    adjusted = multipletests([1.0 if p is None else p for p in p_values], method="holm")[1]
    return [None if p is None else float(a) for p, a in zip(p_values, adjusted, strict=True)]
