"""The non-saturating game with R1 in closed form."""

from dataclasses import replace

import pytest
import torch
from closed_forms import Linear, Quadratic, batch, gaps, make
from shipped_blocks import toy_networks

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 4, 16)])
def test_the_penalty_of_a_linear_discriminator_is_its_squared_norm(shape, document):
    """gamma/2 ||w||², over all channels; its derivative is gamma w."""
    D = Linear(torch.randn(*shape, generator=torch.Generator().manual_seed(1)))
    terms = make("r1", document, gamma=3.0).discriminator_terms(D, batch(shape=shape))
    squared = D.w.square().sum().item()
    assert terms.loss["r1"].item() == pytest.approx(1.5 * squared, rel=1e-5)
    assert terms.diagnostics["penalty"].item() == pytest.approx(squared, rel=1e-5)
    (gradient,) = torch.autograd.grad(terms.loss["r1"], D.w)
    torch.testing.assert_close(gradient, 3 * D.w)


def test_the_penalty_is_the_mean_over_real_samples_alone(document):
    """Of D = a/2 ||x||²: gamma/2 a² mean ||x||², its derivative gamma a mean ||x||²."""
    b, D, objective = batch(), Quadratic(0.3), make("r1", document, gamma=3.0)
    penalty = objective.discriminator_terms(D, b).loss["r1"]
    squared = b.real.square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(penalty, 1.5 * 0.3**2 * squared)
    (gradient,) = torch.autograd.grad(penalty, D.a)
    torch.testing.assert_close(gradient, 3 * 0.3 * squared)
    assert torch.equal(objective.discriminator_terms(D, replace(b, fake=0 * b.fake)).loss["r1"], penalty)


def test_a_flat_discriminator_costs_exactly_nothing(document):
    """The squared norm: with an epsilon under a root, as the norm of WGAN-GP's penalty has, it would not be 0."""
    D = Linear(torch.zeros(1, 8, 8))
    penalty = make("r1", document).discriminator_terms(D, batch()).loss["r1"]
    (gradient,) = torch.autograd.grad(penalty, D.w)
    assert penalty.item() == 0 and torch.equal(gradient, torch.zeros_like(gradient))


def test_the_game_is_that_of_gan(document):
    b, D = batch(), Linear(torch.linspace(-0.3, 0.5, 64).view(1, 8, 8))
    ours, theirs = make("r1", document), make("gan", document)
    r1, gan = ours.discriminator_terms(D, b), theirs.discriminator_terms(D, b)
    assert {name: r1.loss[name] for name in ("real", "fake")} == gan.loss and r1.gap == gan.gap
    assert ours.generator_terms(D, b).loss == theirs.generator_terms(D, b).loss


def test_the_penalty_is_float32_in_the_midst_of_bfloat16(document):
    D, b = new_discriminator(toy_networks(), (1, 8, 8)), batch()
    initialise(D, torch.Generator().manual_seed(0))
    whole = make("r1", document).discriminator_terms(D, b)
    with torch.autocast("cpu", torch.bfloat16):
        lower = make("r1", document).discriminator_terms(D, b)
    assert torch.equal(lower.loss["r1"], whole.loss["r1"]) and not torch.equal(lower.gap, whole.gap)


def test_each_player_moves_the_gap_its_way(document):
    before, after_g, after_d = gaps(make("r1", document, gamma=1e-9))
    assert after_g < before < after_d


def test_a_discriminator_with_batch_norm_is_refused(document):
    with pytest.raises(TypeError, match="layer 0: BatchNorm2d ties samples together, but R1 penalises"):
        make("r1", document).check_discriminator(torch.nn.Sequential(torch.nn.BatchNorm2d(1)))
