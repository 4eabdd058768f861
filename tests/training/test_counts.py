"""Critic steps and batch sizes as functions of the update: what each update does, and what they add up to."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganspeed.networks.latents import Latents
from ganspeed.params.counts import Batches, Growth, WarmStart
from ganspeed.training.counts import Counts
from ganspeed.training.draws import GENERATOR_STEP, Draws

WARM = st.builds(WarmStart, steps=st.integers(1, 9), updates=st.integers(0, 30), every=st.integers(0, 12))
GROWTH = st.builds(Growth, factor=st.integers(2, 3), every=st.integers(1, 9), largest=st.integers(2, 300))
SIZE = st.none() | st.integers(2, 20)
COUNTS = st.builds(
    Counts,
    n_critic=st.integers(1, 5),
    batch_size=st.integers(2, 20),
    warm_start=st.none() | WARM,
    batches=st.builds(Batches, G=SIZE, D=SIZE, grow=st.none() | GROWTH),
    head_start=st.integers(0, 9),
)


@given(counts=COUNTS)
def test_the_sums_are_those_of_the_single_updates(counts):
    steps = [counts.critic_steps(update) for update in range(1, 80)]
    images = [n * counts.batch_of("D", update) for update, n in enumerate(steps, 1)]
    found = [counts.units(update) for update in range(1, 80)]
    assert [units["d_updates"] for units in found] == list(itertools.accumulate(steps))
    assert [units["images"] for units in found] == list(itertools.accumulate(images))
    assert counts.units(0) == {"updates": 0, "d_updates": 0, "images": 0}


def test_a_warm_start_is_that_of_wgans_code():
    """100 critic steps in the first 25 updates and in each 500th, counted from the first; else n_critic."""
    counts = Counts(5, 64, WarmStart(steps=100, updates=25, every=500))
    many = [update for update in range(1, 1100) if counts.critic_steps(update) == 100]
    assert many == [*range(1, 26), 501, 1001]
    assert counts.d_updates(501) == 26 * 100 + 475 * 5


def test_a_head_start_is_in_the_first_update_beside_its_other_steps():
    assert [Counts(2, 64, head_start=100).critic_steps(update) for update in (1, 2)] == [102, 2]
    warm = Counts(2, 64, WarmStart(steps=5, updates=1, every=3), head_start=100)
    assert [warm.critic_steps(update) for update in (1, 2, 3, 4)] == [105, 2, 2, 5]
    assert warm.units(4) == {"updates": 4, "d_updates": 114, "images": 114 * 64}


def test_a_step_in_turn_is_two_of_the_optimisers():
    counts = Counts(2, 64, batches=Batches(real_fake="in_turn"), head_start=3)
    assert (counts.d_updates(2), counts.d_optimizer_steps(2)) == (7, 14)
    assert Counts(2, 64, batches=Batches(real_fake="apart")).d_optimizer_steps(2) == 4


def test_batches_grow_by_the_factor_to_the_largest():
    counts = Counts(1, 16, batches=Batches(D=8, grow=Growth(factor=2, every=10, largest=40)))
    assert [counts.batch_of("G", update) for update in (1, 10, 11, 20, 21, 999)] == [16, 16, 32, 32, 40, 40]
    assert [counts.batch_of("D", update) for update in (1, 11, 21, 31, 10**9)] == [8, 16, 32, 40, 40]


def test_without_keys_of_its_own_every_update_is_alike():
    assert Counts.of({"n_critic": 3}, 64) == Counts(3, 64)
    assert Counts(3, 64).is_constant and Counts(3, 64, batches=Batches(D=8)).is_constant
    assert not Counts(3, 64, head_start=1).is_constant and Counts.of({"n_critic": 3, "head_start": 1}, 64).head_start
    assert not Counts(3, 64, WarmStart(steps=9, updates=1, every=0)).is_constant
    assert Counts(3, 64).units(10**12) == {"updates": 10**12, "d_updates": 3 * 10**12, "images": 192 * 10**12}


def test_each_player_draws_batches_of_its_size(images):
    counts = Counts(1, 8, batches=Batches(G=6, D=4, grow=Growth(factor=2, every=2, largest=8)))
    draws = Draws(0, counts, Latents("normal", 4), *images)
    assert [len(draws(update, 0).real) for update in (1, 2, 3)] == [4, 4, 8]
    assert [len(draws(update, GENERATOR_STEP).z) for update in (1, 3)] == [6, 8]
    assert torch.equal(draws(1, 0).u, Draws(0, Counts(1, 4), Latents("normal", 4), *images)(1, 0).u)


@pytest.mark.parametrize("update", [0, -1])
def test_before_the_first_update_nothing_was_done(update):
    assert Counts(2, 8, WarmStart(steps=5, updates=3, every=2)).d_updates(update) == 0
