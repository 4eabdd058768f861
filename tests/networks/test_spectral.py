"""Spectral normalisation: a largest singular value of 1, its gradient, and when its vectors move."""

from itertools import pairwise

import pytest
import torch
from small_networks import discriminator
from torch import nn

from ganspeed.networks.layers import initialise
from ganspeed.networks.spectral import SpectralConv2d, SpectralLinear, SpectralWeight
from ganspeed.params.networks import Normal
from ganspeed.training.counts import Counts
from ganspeed.training.draws import Draws
from ganspeed.training.loop import one_update
from ganspeed.training.state import new_state

SPECTRAL = {"D": {"norm": "spectral"}}


def layer(kind: str) -> SpectralWeight:
    made = SpectralLinear(12, 7) if kind == "linear" else SpectralConv2d(3, 5, 4, 2, 1)
    initialise(made, torch.Generator().manual_seed(0), Normal(normal=1.0))
    return made


def largest(weight: torch.Tensor) -> float:
    return torch.linalg.svdvals(weight.detach().flatten(1).double())[0].item()


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_the_estimate_converges_to_the_largest_singular_value(kind):
    one = layer(kind)
    errors = [largest(one.normalised()) - 1]
    for _ in range(5):
        for _ in range(60):
            one.move()
        errors.append(largest(one.normalised()) - 1)
    assert errors[0] < 0.1  # by the iterations of the start; an estimate is at most the value itself
    assert all(after <= before + 1e-6 for before, after in pairwise(errors))
    assert errors[-1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_a_layer_is_torchs_with_the_weight_over_that_value(kind):
    one, shape = layer(kind), (2, 12) if kind == "linear" else (2, 3, 8, 8)
    for _ in range(500):
        one.move()
    x, weight = torch.randn(shape), one.weight / largest(one.weight)
    function = nn.functional.linear if kind == "linear" else nn.functional.conv2d
    geometry = () if kind == "linear" else (2, 1)
    torch.testing.assert_close(one(x), function(x, weight, one.bias, *geometry))


def test_the_gradient_goes_through_the_value_with_its_vectors_constant():
    """W / σ with σ = uᵀ W v: dL/dW = (G - <G, W/σ> u vᵀ) / σ, where G = dL/d(W/σ); section 2.1 of 1802.05957."""
    one = layer("linear").double()
    x, weight = torch.randn(4, 12, dtype=torch.float64), one.weight.detach()
    one(x).square().sum().backward()
    v = nn.functional.normalize(one.u @ weight, dim=0)
    sigma = one.u @ weight @ v
    normalised = (weight / sigma).requires_grad_()
    nn.functional.linear(x, normalised, one.bias).square().sum().backward()
    own = normalised.grad
    wanted = (own - (own * weight / sigma).sum() * torch.outer(one.u, v)) / sigma
    torch.testing.assert_close(one.weight.grad, wanted)


def test_looking_at_a_network_moves_nothing():
    D, x = discriminator(**SPECTRAL), torch.randn(3, 1, 8, 8)
    first, before = D(x), {name: value.clone() for name, value in D.named_buffers()}
    assert len(before) == 3  # two convolutions and the score
    assert torch.equal(D(x), first)
    assert all(torch.equal(value, before[name]) for name, value in D.named_buffers())


def test_every_layer_of_d_has_it_and_none_of_the_heads():
    for body in ("dcgan", "mlp", "pyramid"):
        D = discriminator(D={"norm": "spectral", "body": body, "hidden": 5}, heads={"own": 2})
        plain = [name for name, m in D.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)
                 and not isinstance(m, SpectralWeight)]  # fmt: skip
        assert plain == ["heads.own"]


def test_the_vectors_move_once_in_each_step_of_d_and_in_none_of_g(recipe, images, monkeypatch):
    one = recipe("wgan_gp", networks=SPECTRAL, n_critic=3)
    state = new_state(one, images[0])
    draws, seen = Draws(0, Counts(1, 8), one.latents, *images, state.noises()), []
    move, step = SpectralWeight.move, type(state.D).step

    def moved(layer):
        before = layer.u.clone()
        move(layer)
        seen.append(not torch.equal(layer.u, before))

    monkeypatch.setattr(SpectralWeight, "move", moved)
    monkeypatch.setattr(type(state.D), "step", lambda player, *rest: (step(player, *rest), seen.append(player))[0])
    one_update(state, draws)
    moves = [True, True, True, False]  # two convolutions, the dense layer; the score's vector is a sign, of one output
    assert seen == [*[state.D, *moves] * 3, state.G]


def test_under_autocast_the_value_is_that_of_single_precision():
    one, x = layer("linear"), torch.randn(3, 12)
    with torch.autocast("cpu", torch.bfloat16):
        lower, seen = one(x), one.normalised()
    assert lower.dtype == torch.bfloat16
    assert torch.equal(seen, one.normalised())
