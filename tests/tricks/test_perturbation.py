"""Adversarial perturbation in closed form: where the direction of every sample is known."""

import pytest
import torch
from closed_forms import Linear, Quadratic, batch
from shipped_blocks import toy_networks
from torch import nn

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise
from ganspeed.objectives import scores
from ganspeed.tricks.perturbation import Perturbation


@pytest.mark.parametrize("radius", [0.0, 0.1])
def test_a_linear_discriminator_has_one_direction_everywhere(radius):
    D, b = Linear(torch.linspace(-1, 2, 64).view(1, 8, 8)), batch()
    seen = Perturbation(radius=radius).shown(D, b, "D")
    assert torch.equal(seen.real, b.real - radius * D.w.sign()) and torch.equal(seen.fake, b.fake + radius * D.w.sign())
    real, fake = (a - b for a, b in zip(scores(D, seen), scores(D, b), strict=True))
    torch.testing.assert_close(real, torch.full((6,), -radius * D.w.abs().sum().item()), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(fake, -real, rtol=1e-3, atol=1e-4)


def test_every_sample_is_moved_in_its_own_direction():
    """Of D = 1/2 ||x||² the gradient is x: real images shrink, generated ones grow."""
    b = batch()
    seen = Perturbation(radius=0.1).shown(Quadratic(1.0), b, "D")
    assert torch.equal(seen.real, b.real - 0.1 * b.real.sign()) and torch.equal(seen.fake, b.fake + 0.1 * b.fake.sign())


def test_in_the_generators_step_images_are_as_they_are():
    b = batch()
    assert Perturbation(radius=0.1).shown(Quadratic(1.0), b, "G") is b


def test_a_networks_scores_are_worse_and_its_weights_get_no_gradient():
    D, b = new_discriminator(toy_networks(), (1, 8, 8)), batch()
    initialise(D, torch.Generator().manual_seed(0))
    seen = Perturbation(radius=0.01).shown(D, b, "D")
    (real, fake), (worse, better) = scores(D, b), scores(D, seen)
    assert (worse < real).all() and (better > fake).all()
    assert not (seen.real.requires_grad or seen.fake.requires_grad)
    assert all(weight.grad is None for weight in D.parameters())


def test_the_direction_is_of_float32_in_the_midst_of_bfloat16():
    D, b = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0)), batch()
    wanted = Perturbation(radius=0.1).shown(D, b, "D")
    with torch.autocast("cpu", torch.bfloat16):
        found = Perturbation(radius=0.1).shown(D, b, "D")
    assert torch.equal(found.real, wanted.real) and found.real.dtype == torch.float32
