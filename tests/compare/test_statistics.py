"""The exact paired test and its interval: closed forms, duality, and calibration over simulated studies."""

import itertools
import math

import numpy as np
import pytest

from ganspeed.compare.statistics import effect, holm, limits, ratio, sign_flip_p
from ganspeed.errors import UserError

RNG = np.random.default_rng(0)
SAMPLES = [RNG.normal(0.3, 1, n).tolist() for n in (6, 7, 8, 10)]


def by_definition(values) -> float:
    """The share of all sign flips at least as far from 0, one flip after another."""
    flips = itertools.product((-1, 1), repeat=len(values))
    sums = [abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in flips]
    return sum(s >= abs(sum(values)) - 1e-9 for s in sums) / len(sums)


@pytest.mark.parametrize("values", SAMPLES)
def test_p_is_the_share_of_all_flips(values):
    assert sign_flip_p(values) == by_definition(values)


def test_p_in_closed_form():
    assert sign_flip_p([1.0, 2, 3, 4, 5, 6]) == 2 / 64
    assert sign_flip_p([-1.0, -2, -3, -4, -5, -6]) == 2 / 64
    assert sign_flip_p([0.0] * 6) == 1
    assert sign_flip_p([1.0, -1, 2, -2, 3, -3]) == 1
    assert sign_flip_p([0.5] * 8) == 2 / 256
    # 1..6 with the 1 turned: sums as extreme as 19 flip only {}, {1}, and their complements
    assert sign_flip_p([-1.0, 2, 3, 4, 5, 6]) == 4 / 64


def test_sums_that_are_equal_but_for_rounding_count_as_equal():
    values = [0.1, 0.2, 0.3, -0.1, 0.7, 0.1]
    assert sign_flip_p(values) == sign_flip_p([10 * v for v in values]) == sign_flip_p([1.0, 2, 3, -1, 7, 1])


@pytest.mark.parametrize("values", SAMPLES)
def test_interval_holds_the_shifts_that_the_test_does_not_reject(values):
    e = effect(values)
    low, high = math.log(e.low), math.log(e.high)

    def p(shift):
        return sign_flip_p([v - shift for v in values])

    assert p(low) > 0.05 and p(high) > 0.05
    assert p(low - 1e-6) <= 0.05 and p(high + 1e-6) <= 0.05
    assert all(p(shift) > 0.05 for shift in np.linspace(low, high, 50))
    assert all(p(shift) <= 0.05 for shift in [*np.linspace(low - 2, low - 1e-6, 20), *np.linspace(high + 1e-6, 4, 20)])


def test_interval_in_closed_form():
    """With 6 pairs one subset lies beyond each end: the interval is the range."""
    e = effect([0.3, 0.1, 0.5, 0.2, 0.4, 0.9])
    assert (math.log(e.low), math.log(e.high)) == pytest.approx((0.1, 0.9))
    e = effect([0.2] * 7)
    assert (e.low, e.high, e.ratio) == pytest.approx((math.exp(0.2),) * 3)


def test_reversed_arms_give_the_reciprocal():
    one, other = effect(SAMPLES[3]), effect([-v for v in SAMPLES[3]])
    assert (one.ratio, one.low, one.high) == pytest.approx((1 / other.ratio, 1 / other.high, 1 / other.low))
    assert (one.p, one.wins, one.losses) == (other.p, other.losses, other.wins)


def test_below_six_pairs_there_is_a_ratio_and_nothing_else():
    e = effect([0.1, 0.2, 0.0, -0.3, 0.4])
    assert (e.low, e.high, e.p) == (None, None, None)
    assert (e.wins, e.ties, e.losses, e.n) == (3, 1, 1, 5)
    assert effect([math.log(2)]).ratio == pytest.approx(2)
    with pytest.raises(ValueError, match="no pair"):
        ratio([])


def test_one_sided_bound_is_that_of_the_one_sided_test():
    values = SAMPLES[1]
    bound = limits(values, 0.05)[1]

    def one_sided(shift):
        """Share of flips whose sum is no more than the observed one: is the mean below the shift?"""
        moved = [v - shift for v in values]
        sums = [sum(s * v for s, v in zip(f, moved, strict=True)) for f in itertools.product((-1, 1), repeat=7)]
        return sum(s <= sum(moved) + 1e-12 for s in sums) / 2**7

    assert one_sided(bound) > 0.05 >= one_sided(bound + 1e-6)
    assert limits([1.0] * 4, 0.05) == (None, None)  # 1/16 is more than 5 %


def test_more_pairs_than_flips_can_be_counted_are_refused():
    with pytest.raises(UserError, match="21 paired seeds: the exact test takes at most 20"):
        effect([0.1] * 21)
    assert effect([0.1] * 20).p == 2 / 2**20


def test_holm_by_hand():
    """Sorted .01, .02, .04 times 3, 2, 1, and never below the one before."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_a_member_of_the_family_without_p_counts_as_one():
    assert holm([None, 0.02]) == [None, pytest.approx(0.04)]


def test_error_rate_and_coverage_over_two_thousand_studies_without_effect():
    """The t distribution with 3 degrees has heavy tails; the shift is 0.4. 6.4 %: 5 and two errors of 1000 studies."""
    rng = np.random.default_rng(1)
    rejected = covered = 0
    for row in rng.standard_t(3, (2000, 10)):
        rejected += sign_flip_p(row.tolist()) < 0.05
        e = effect((row + 0.4).tolist())
        covered += e.low <= math.exp(0.4) <= e.high
    assert 0.03 < rejected / 2000 <= 0.064
    assert covered / 2000 >= 0.93
    assert covered + rejected == 2000  # duality again: what the test rejects is what the interval misses
