"""The grid of a tuning: how many values each knob has, which, and what a budget of so many trials is then."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganspeed.params.base import ParamsError
from ganspeed.params.blocks import Knob
from ganspeed.params.knobs import grid_sizes
from ganspeed.params.load import parse_params
from ganspeed.study.tuning.trials import evenly_spaced, grid_values, values_of_trials

LOG, EVEN = Knob(low=1e-4, high=1e-2, log=True), Knob(low=0.0, high=1.0, log=False)


@given(count=st.integers(1, 9), trials=st.integers(1, 1000))
def test_a_grid_is_the_largest_whose_knobs_differ_by_one_value(count, trials):
    sizes = grid_sizes(count, trials)
    assert len(sizes) == count and sizes == sorted(sizes, reverse=True) and sizes[0] - sizes[-1] <= 1
    smallest = sizes.index(sizes[-1])  # the next that would get one more
    larger = [size + (place == smallest) for place, size in enumerate(sizes)]
    assert math.prod(sizes) <= trials < math.prod(larger)


@pytest.mark.parametrize(
    ("count", "trials", "sizes"),
    [(1, 30, [30]), (2, 30, [6, 5]), (3, 30, [3, 3, 3]), (4, 30, [3, 2, 2, 2]), (3, 8, [2, 2, 2]), (0, 30, [])],
)
def test_how_many_values_each_knob_has(count, trials, sizes):
    assert grid_sizes(count, trials) == sizes


def test_values_are_even_on_the_knobs_scale_bounds_included_in_four_digits():
    assert evenly_spaced(LOG, 3) == [1e-4, 1e-3, 1e-2]
    assert evenly_spaced(LOG, 4) == [1e-4, 4.642e-4, 2.154e-3, 1e-2]
    assert evenly_spaced(EVEN, 4) == [0.0, 0.3333, 0.6667, 1.0]
    assert evenly_spaced(Knob(low=0.12344, high=0.2, log=False), 2) == [0.12344, 0.2]  # never outside the bounds


def test_a_grid_has_every_combination_once_and_no_seed():
    values = grid_values({"lr_g": LOG, "lr_d": LOG, "share": EVEN}, 13)
    assert [(v["lr_g"], v["lr_d"], v["share"]) for v in values] == [
        (g, d, share) for g in (1e-4, 1e-3, 1e-2) for d in (1e-4, 1e-2) for share in (0.0, 1.0)
    ]


def test_arms_with_as_many_knobs_have_as_many_trials(document):
    document["tuning"] |= {"search": "grid"}
    tuning = parse_params(document).tuning
    found = {arm: values_of_trials(tuning, about.own) for arm, about in tuning.arms.items()}
    for arm, about in tuning.arms.items():
        assert len(found[arm]) == {3: 27, 4: 24}[len(tuning.shared) + len(about.own)] <= tuning.trials == 30
        assert all(set(values) == {*tuning.shared, *about.own} for values in found[arm])
    with_seed = tuning.model_copy(update={"seed": 1})
    assert values_of_trials(with_seed, {}) == values_of_trials(tuning, {})


def test_a_grid_that_varies_no_knob_is_refused(document):
    document["tuning"] |= {"search": "grid", "trials": 15}
    with pytest.raises(ParamsError) as caught:
        parse_params(document)
    assert caught.value.mistakes[0] == (
        "tuning.trials: 15 is not >= 16 with tuning.search: 'grid', two values of each of the 4 knobs of wgan_tuned"
    )
    document["tuning"]["trials"] = 16
    assert parse_params(document).tuning.search == "grid"
