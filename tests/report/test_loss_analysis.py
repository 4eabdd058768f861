"""Answers from made-up losses and curves, whose truth is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ganspeed.params.blocks import StoppingRule
from ganspeed.report import loss_analysis
from ganspeed.report.loss_analysis import Estimate

RULE = StoppingRule(skip=0, smooth=1, patience=3, min_delta=0.0)


def history(losses, every: int = 10) -> pd.DataFrame:
    return pd.DataFrame({"update": [every * (i + 1) for i in range(len(losses))], "d_loss": losses})


def curve(values, every: int = 10) -> pd.Series:
    """cfid at the untrained generator and then every so many updates."""
    return pd.Series(values, index=[every * i for i in range(len(values))], dtype=float)


def changed(**changes) -> StoppingRule:
    return RULE.model_copy(update=changes)


class TestAligned:
    def test_a_snapshot_gets_the_mean_since_the_one_before(self):
        losses = pd.DataFrame({"update": [1, 10, 20, 30, 40, 50], "d_loss": [9.0, 1, 2, 3, 5, 100]})
        cfid = pd.Series([60.0, 50, 40, 30], index=[0, 5, 20, 40])
        points = loss_analysis.aligned(losses, cfid, "d_loss")
        assert points.to_dict("list") == {"update": [5, 20, 40], "loss": [9.0, 1.5, 4.0], "cfid": [50.0, 40, 30]}

    def test_a_row_logged_at_a_snapshot_belongs_to_it(self):
        points = loss_analysis.aligned(history([1.0, 2.0]), curve([9, 8, 7]), "d_loss")
        assert list(points["loss"]) == [1, 2]

    def test_snapshots_without_rows_and_values_not_logged_are_left_out(self):
        points = loss_analysis.aligned(history([1.0, np.nan, 3.0]), curve([9, 8, 7, 6]), "d_loss")
        assert list(points["update"]) == [10, 30]

    def test_no_rows_at_all(self):
        assert loss_analysis.aligned(history([]), curve([9]), "d_loss").empty


class TestCorrelation:
    def points(self, losses, cfids) -> pd.DataFrame:
        return pd.DataFrame({"loss": losses, "cfid": cfids})

    def test_any_increasing_relation_is_one_and_any_decreasing_minus_one(self):
        x = np.linspace(-2, 3, 12)
        assert loss_analysis.rank_correlation(self.points(x, np.exp(x))) == pytest.approx(1)
        assert loss_analysis.rank_correlation(self.points(x, -(x**3))) == pytest.approx(-1)

    def test_by_hand_with_one_swap(self):
        """One swapped pair of neighbours: 1 - 6·2/(k³ - k)."""
        found = loss_analysis.rank_correlation(self.points([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]))
        assert found == pytest.approx(1 - 12 / 120)

    def test_few_points_or_a_constant_have_none(self):
        assert loss_analysis.rank_correlation(self.points([1, 2, 3, 4], [1, 2, 3, 4])) is None
        assert loss_analysis.rank_correlation(self.points([1] * 9, range(9))) is None
        assert loss_analysis.rank_correlation(self.points(range(9), [1] * 9)) is None

    def test_mean_on_fishers_scale(self):
        estimate = loss_analysis.mean_correlation([0.9, 0.5], 30)
        assert estimate.value == pytest.approx(math.tanh((math.atanh(0.9) + math.atanh(0.5)) / 2))

    def test_interval_is_that_of_student_on_fishers_scale(self):
        rhos = [-0.9, -0.8, -0.85, -0.95, -0.7, -0.88]
        z = np.arctanh(rhos)
        low, high = stats.t.interval(0.95, 5, z.mean(), stats.sem(z))
        estimate = loss_analysis.mean_correlation(rhos, 30)
        assert (estimate.low, estimate.high) == pytest.approx((np.tanh(low), np.tanh(high)))
        assert estimate.n == 6

    def test_no_interval_below_six_seeds_and_no_value_without_any(self):
        five = loss_analysis.mean_correlation([0.5] * 5, 30)
        assert (five.low, five.high, five.n) == (None, None, 5)
        assert loss_analysis.mean_correlation([], 0) == Estimate(None, None, None, 0)

    def test_a_perfect_rank_order_counts_as_half_a_step_below(self):
        assert loss_analysis.mean_correlation([1.0], 5).value == pytest.approx(1 - 6 / 120)
        assert loss_analysis.mean_correlation([-1.0] * 6, 5).low == pytest.approx(-(1 - 6 / 120))

    def test_interval_covers_the_truth_as_often_as_it_says(self):
        rng, truth, hits = np.random.default_rng(0), 0.6, 0
        for _ in range(600):
            rhos = np.tanh(rng.normal(math.atanh(truth), 0.4, 8))
            estimate = loss_analysis.mean_correlation(list(rhos), 40)
            hits += estimate.low <= truth <= estimate.high
        assert abs(hits / 600 - 0.95) < 0.03


class TestStopping:
    def test_a_loss_that_always_rises_never_stops(self):
        assert loss_analysis.stopping_row(list(range(50)), RULE) is None

    def test_stops_after_so_many_rows_without_a_new_high(self):
        assert loss_analysis.stopping_row([0, 1, 2, 1, 2, 1, 5], RULE) == 5
        assert loss_analysis.stopping_row([0, 1, 2, 1, 3, 1, 1, 1], RULE) == 7

    def test_a_rise_within_the_stated_part_of_the_range_is_none(self):
        losses = [0, 10, 10.5, 11.0, 11.5, 20]
        assert loss_analysis.stopping_row(losses, changed(min_delta=0.2)) == 4
        assert loss_analysis.stopping_row(losses, changed(min_delta=0.01)) is None

    def test_scale_and_offset_of_a_loss_do_not_matter(self):
        losses = list(np.random.default_rng(0).normal(size=60).cumsum())
        rule = changed(smooth=3, patience=6, min_delta=0.05)
        row = loss_analysis.stopping_row(losses, rule)
        assert row is not None
        assert loss_analysis.stopping_row([1000 * loss - 7 for loss in losses], rule) == row

    def test_the_first_rows_are_not_seen(self):
        """The peak of a penalty at the start would be a high that is never met again."""
        losses = [9, *range(-20, 0)]
        assert loss_analysis.stopping_row(losses, RULE) == 3
        assert loss_analysis.stopping_row(losses, changed(skip=1)) is None

    def test_smoothing_is_the_mean_of_the_last_rows(self):
        assert loss_analysis.smoothed([1, 3, 5, 9], changed(smooth=2)) == [None, 2, 4, 7]
        assert loss_analysis.smoothed([1, 3, 5, 9], changed(smooth=2, skip=1)) == [None, None, 4, 7]
        wave = [i + 4 * (-1) ** i for i in range(40)]
        assert loss_analysis.stopping_row(wave, changed(patience=1)) is not None
        assert loss_analysis.stopping_row(wave, changed(patience=1, smooth=2)) is None

    def test_a_stop_has_the_cfid_of_the_newest_snapshot_by_then(self):
        losses, cfid = history([0, 1, 0, 0, 0, 0]), pd.Series([60.0, 30, 20, 5], index=[0, 40, 49, 60])
        assert loss_analysis.stop(losses, cfid, RULE) == loss_analysis.Stop(50, 20.0)

    def test_a_run_that_is_never_stopped_has_its_last(self):
        assert loss_analysis.stop(history(range(6)), curve([9, 8, 7, 6, 5, 4, 3]), RULE) == loss_analysis.Stop(
            None, 3.0
        )


class TestTail:
    def test_by_hand(self):
        end = loss_analysis.tail([100, 100, 100, 100, 1, -1, -1, 3], 0.5)
        assert (end.mean, end.rows) == (0.5, 4)
        assert end.sd == pytest.approx(np.std([1, -1, -1, 3], ddof=1))
        assert end.sign_changes == pytest.approx(2 / 3)

    def test_noise_changes_sign_half_the_time_around_zero_and_never_far_away(self):
        noise = np.random.default_rng(0).normal(size=8000)
        assert loss_analysis.tail(list(noise), 0.5).sign_changes == pytest.approx(0.5, abs=0.03)
        assert loss_analysis.tail(list(noise + 20), 0.5).sign_changes == 0

    def test_a_parabola_that_falls_to_zero_has_its_shape(self):
        updates = np.arange(1, 101)
        found = loss_analysis.shape(pd.Series((100.0 - updates) ** 2, updates), 0.25)
        assert (found.trend, found.parabola) == pytest.approx((-1, 1))
        assert found.end == pytest.approx(sum(i**2 for i in range(25)) / sum(i**2 for i in range(75, 100)))

    def test_noise_has_no_shape_and_a_loss_may_end_beyond_zero(self):
        noise = loss_analysis.shape(pd.Series(np.random.default_rng(0).normal(5, 1, 4000)), 0.25)
        assert (noise.trend, noise.parabola, noise.end) == pytest.approx((0, 0, 1), abs=0.05)
        assert loss_analysis.shape(pd.Series([2.0, 1, 0, -1, -2, -4]), 0.2).end == -2
        assert math.isnan(loss_analysis.shape(pd.Series([0.0, 1, 2, 3, 4]), 0.2).end)

    def test_few_rows_or_a_constant_have_no_shape(self):
        assert loss_analysis.shape(pd.Series([1.0, 2, 3, 4]), 0.5) is None
        assert loss_analysis.shape(pd.Series([1.0] * 9), 0.5) is None

    def test_two_rows_at_least(self):
        assert loss_analysis.tail([5, 1, 2], 0.01).rows == 2
        assert loss_analysis.tail([5], 1.0) is None
        assert loss_analysis.tail([], 1.0) is None


class TestLength:
    def test_last_over_best(self):
        assert loss_analysis.last_over_best(curve([50, 4, 2, 3])) == 1.5
        assert loss_analysis.last_over_best(curve([50, 4, 2])) == 1

    def test_ratios_are_averaged_geometrically(self):
        assert loss_analysis.mean_ratio([1, 4]).value == pytest.approx(2)
        logs = np.log([1.0, 1.1, 1.5, 2.0, 1.2, 1.3])
        low, high = stats.t.interval(0.95, 5, logs.mean(), stats.sem(logs))
        estimate = loss_analysis.mean_ratio(np.exp(logs))
        assert (estimate.low, estimate.high) == pytest.approx((np.exp(low), np.exp(high)))

    def test_an_interval_goes_no_lower_than_a_ratio_can(self):
        ratios = [1.0] * 7 + [3.0]
        assert loss_analysis.mean_ratio(ratios).low < 1
        assert loss_analysis.mean_ratio(ratios, least=1).low == 1
        assert loss_analysis.mean_ratio(ratios, least=1).high == loss_analysis.mean_ratio(ratios).high
