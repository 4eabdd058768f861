"""Drawn targets in a run: their law, step by step, and nothing drawn where there is nothing to draw."""

import math

import pytest
import torch

from ganspeed.objectives import Batch
from ganspeed.training.counts import Counts
from ganspeed.training.draws import GENERATOR_STEP, Draws
from ganspeed.training.state import new_state

N = 20_000


def test_targets_and_flips_have_the_law_that_the_keys_name(recipe, images):
    """Of 20,000 samples, within 4 standard errors; those of two kinds, and of two steps, are independent."""
    one = recipe("gan", real_target=[0.7, 1.2], fake_target=[0.0, 0.3], flip=0.2)
    state = new_state(one, images[0])
    draws = Draws(0, Counts(1, N), one.latents, *images, state.noises())
    steps = {step: draws(1, step) for step in (0, 1, GENERATOR_STEP)}
    found = {
        (kind, step): state.objective.targets.of(kind, Batch(drawn.real, drawn.real, *drawn[1:]))
        for kind in ("real", "fake")
        for step, drawn in steps.items()
    }
    for (kind, _), targets in found.items():
        assert targets.shape == (N,)
        (low, high), other = ((0.7, 1.2), (0.0, 0.3))[:: 1 if kind == "real" else -1]
        own = targets > 0.5 if kind == "real" else targets < 0.5  # of the two ranges
        assert (~own).double().mean().item() == pytest.approx(0.2, abs=4 * math.sqrt(0.2 * 0.8 / N))
        for (a, b), part in (((low, high), targets[own]), (other, targets[~own])):
            error = (b - a) / math.sqrt(12 * len(part))
            assert a <= part.min().item() and part.max().item() <= b + 1e-6
            assert part.mean().item() == pytest.approx((a + b) / 2, abs=4 * error)
            assert part.std().item() == pytest.approx((b - a) / math.sqrt(12), rel=0.05)
    correlations = torch.corrcoef(torch.stack(list(found.values()))) - torch.eye(len(found))
    assert correlations.abs().max().item() < 4.5 / math.sqrt(N)


@pytest.mark.parametrize("variant", ["gan", "least_squares"])
@pytest.mark.parametrize("changes", [{}, {"real_target": [0.9, 0.9], "fake_target": [0.1, 0.1]}])
def test_constant_targets_draw_nothing(variant, changes, recipe, images):
    assert new_state(recipe(variant, **changes), images[0]).noises() == {}
