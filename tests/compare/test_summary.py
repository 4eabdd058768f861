"""The numbers and words that every first glance shows: of one variant, of one pair, of one data set."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ganspeed.compare.comparison import Comparison
from ganspeed.compare.summary import bound, cards, headline, references, speed_up, summaries, verdict_word

GOLDEN = Path(__file__).parents[1] / "golden" / "comparison.json"


@pytest.fixture
def golden() -> Comparison:
    return Comparison.from_json(json.loads(GOLDEN.read_text(encoding="utf-8")))


@pytest.fixture
def unplanned(golden) -> Comparison:
    return replace(golden, comparisons=[replace(row, planned=False, verdict=None) for row in golden.comparisons])


def test_a_comparison_is_read_as_it_was_written(golden):
    assert golden.to_json() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_mean_of_a_variant_is_that_of_its_log_times(golden):
    times = [time.time for time in golden.times_of("gan", "tau")]
    (gan,) = [found for found in summaries(golden) if found.variant == "gan"]
    assert gan.time_to_tau == pytest.approx(math.prod(times) ** (1 / len(times)))
    assert (gan.n, gan.reached) == (8, 6) and gan.low < gan.time_to_tau < gan.high


def test_below_six_runs_a_mean_has_no_interval(golden):
    seeds = sorted({time.seed for time in golden.times})[:5]
    few = replace(golden, times=[time for time in golden.times if time.seed in seeds])
    assert {(found.low, found.high, found.n) for found in summaries(few)} == {(None, None, 5)}


def test_means_of_equal_runs_have_the_ratio_of_the_comparison(golden):
    mean = {found.variant: found.time_to_tau for found in summaries(golden)}
    row = golden.primary("iterative", "wgan_gp")
    assert mean["wgan_gp"] / mean["iterative"] == pytest.approx(row.ratio)


def test_planned_comparisons_come_first_and_alone(golden, unplanned):
    assert [(row.new, row.reference) for row in cards(golden)] == list(
        dict.fromkeys((row.new, row.reference) for row in golden.comparisons if row.planned)
    )
    assert {row.reference for row in cards(unplanned)} == {references(unplanned)[0]}


def test_an_arm_that_is_not_there_has_its_own_word(golden):
    words = {(row.new, row.reference): verdict_word(row) for row in cards(golden)}
    assert words["gan", "wgan_gp"] == "NOT THERE" and words["iterative_alpha", "wgan_gp"] == "exploratory"
    row = golden.primary("gan", "wgan_gp")
    assert verdict_word(replace(row, reached_new=8, reached_reference=0)) == "REFERENCE NOT THERE"
    assert verdict_word(replace(row, reached_new=0, reached_reference=0)) == "NEITHER THERE"
    assert verdict_word(replace(row, reached_new=8)) == "NO EVIDENCE"


@pytest.mark.parametrize(("new", "reference", "sign"), [(8, 8, ""), (7, 8, "≤"), (8, 7, "≥"), (7, 7, "~")])
def test_runs_that_count_as_the_budget_make_the_ratio_a_bound(golden, new, reference, sign):
    row = replace(golden.primary("iterative", "wgan_gp"), reached_new=new, reached_reference=reference)
    assert bound(row) == sign


def test_an_arm_that_never_arrived_does_not_read_as_equal(golden):
    row = replace(golden.primary("gan", "wgan_gp"), ratio=1.0, low=1.0, high=1.0)
    assert speed_up(replace(row, reached_new=0, reached_reference=7)) == ("~1.00", "")
    assert speed_up(replace(row, reached_new=0, reached_reference=8)) == ("≤1.00", "")
    assert speed_up(replace(row, reached_new=0, reached_reference=0)) == ("–", "")


def test_the_headline_names_who_is_ahead_and_why_that_is_no_verdict(golden, unplanned):
    assert headline(golden).startswith("On digits: iterative against wgan_gp FASTER, 1.70× [1.64–1.76], n = 8 seeds; ")
    assert headline(unplanned) == (
        "On digits iterative is ahead of wgan_gp, 1.70× [1.64–1.76], n = 8 seeds: exploratory, since no comparison was "
        "planned before the runs."
    )
    slow = [replace(row, ratio=row.ratio / 2, low=row.low / 2, high=row.high / 2) for row in unplanned.comparisons]
    assert "On digits wgan_gp is ahead; next comes iterative, 0.85×" in headline(replace(unplanned, comparisons=slow))


def test_a_lead_that_may_be_chance_is_said_to_be(unplanned):
    wide = replace(unplanned, comparisons=[replace(row, low=0.2, high=3.0) for row in unplanned.comparisons])
    few = replace(unplanned, comparisons=[replace(row, low=None, high=None) for row in unplanned.comparisons])
    assert "an interval that holds 1" in headline(wide) and "too few for an interval" in headline(few)
    never = [replace(row, reached_new=0, reached_reference=0) for row in unplanned.comparisons]
    assert "neither wgan_gp nor a variant over it reached τ" in headline(replace(unplanned, comparisons=never))
