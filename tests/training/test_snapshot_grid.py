"""The snapshot grid and the budget B."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ganspeed.training.snapshot_grid import budget, snapshot_updates

lengths = st.integers(12, 20_000)
ratios = st.sampled_from([1.05, 1.1, 1.25, 1.5])


@given(lengths, ratios)
def test_the_grid_has_both_ends_and_no_wide_gaps(updates, ratio):
    grid = snapshot_updates(updates, ratio)
    assert grid[:2] == [0, 1] and grid[-1] == updates
    assert grid == sorted(set(grid))
    for a, b in pairwise(grid[1:]):
        allowed = ratio if a >= updates / 12 else 1.5
        assert b - a == 1 or b <= allowed * (a + 0.5) + 0.5


@given(lengths, ratios)
def test_an_arrival_at_the_budget_can_be_confirmed_by_three_snapshots(updates, ratio):
    grid = snapshot_updates(updates, ratio)
    assert grid.index(budget(updates, ratio)) == len(grid) - 3


def test_a_known_grid():
    assert snapshot_updates(12, 1.5) == [0, 1, 2, 4, 5, 8, 12]
    assert budget(12, 1.5) == 5
