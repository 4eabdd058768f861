"""The relativistic pairing loss with R1 and R2 in closed form."""

import math
from dataclasses import replace

import pytest
import torch
from closed_forms import Linear, Quadratic, batch, gaps, make
from shipped_blocks import toy_networks

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise

W = torch.linspace(-0.3, 0.5, 64).view(1, 8, 8)


def test_losses_are_of_the_differences_of_pairs(document):
    b, objective = batch(), make("r3gan", document)
    differences = [d.item() for d in ((b.real - b.fake) * W).sum((1, 2, 3))]
    relativistic = objective.discriminator_terms(Linear(W), b).loss["relativistic"].item()
    assert relativistic == pytest.approx(sum(math.log1p(math.exp(-d)) for d in differences) / 6, rel=1e-5)
    adversarial = objective.generator_terms(Linear(W), b).total().item()
    assert adversarial == pytest.approx(sum(math.log1p(math.exp(d)) for d in differences) / 6, rel=1e-5)


def test_gradients_are_those_of_the_pairs(document):
    """With p = σ(-(D(x) - D(x_fake))): for D -mean p (x - x_fake), for a generated sample -(1 - p) w / N."""
    b, D, objective = batch(), Linear(W), make("r3gan", document)
    b.fake.requires_grad_()
    (of_d,) = torch.autograd.grad(objective.discriminator_terms(D, b).loss["relativistic"], D.w)
    (of_fake,) = torch.autograd.grad(objective.generator_terms(D, b).total(), b.fake)
    with torch.no_grad():
        p = torch.sigmoid(D(b.fake) - D(b.real)).view(-1, 1, 1, 1)
        torch.testing.assert_close(of_d, -(p * (b.real - b.fake)).mean(0))
        torch.testing.assert_close(of_fake, -(1 - p) * W / len(p))


def test_a_constant_added_to_d_changes_nothing_and_other_pairs_do(document):
    objective, b, D = make("r3gan", document), batch(), Linear(3 * W)
    plain = objective.discriminator_terms(D, b).loss["relativistic"]
    raised = objective.discriminator_terms(lambda x: D(x) + 7, b).loss["relativistic"]
    torch.testing.assert_close(raised, plain)
    other = objective.discriminator_terms(D, replace(b, fake=b.fake.roll(1, 0))).loss["relativistic"]
    assert other.item() != pytest.approx(plain.item(), rel=1e-3)


def test_a_flat_discriminator_costs_log_2_and_no_penalty(document):
    terms = make("r3gan", document).discriminator_terms(Linear(torch.zeros(1, 8, 8)), batch())
    assert terms.total().item() == pytest.approx(math.log(2))
    assert terms.loss["r1"].item() == terms.loss["r2"].item() == 0


def test_one_penalty_is_of_real_and_one_of_generated_samples(document):
    """Of D = a/2 ||x||²: gamma/2 a² mean ||x||² each, the derivative gamma a mean ||x||²."""
    b, D = batch(), Quadratic(0.3)
    terms = make("r3gan", document, gamma=3.0).discriminator_terms(D, b)
    for name, diagnostic, x in (("r1", "penalty_real", b.real), ("r2", "penalty_fake", b.fake)):
        squared = x.square().sum((1, 2, 3)).mean()
        torch.testing.assert_close(terms.loss[name], 1.5 * 0.3**2 * squared)
        torch.testing.assert_close(terms.diagnostics[diagnostic], 0.3**2 * squared)
        (gradient,) = torch.autograd.grad(terms.loss[name], D.a, retain_graph=True)
        torch.testing.assert_close(gradient, 3 * 0.3 * squared)


def test_the_penalties_are_float32_in_the_midst_of_bfloat16(document):
    D, b = new_discriminator(toy_networks(), (1, 8, 8)), batch()
    initialise(D, torch.Generator().manual_seed(0))
    whole = make("r3gan", document).discriminator_terms(D, b)
    with torch.autocast("cpu", torch.bfloat16):
        lower = make("r3gan", document).discriminator_terms(D, b)
    assert all(torch.equal(lower.loss[name], whole.loss[name]) for name in ("r1", "r2"))
    assert not torch.equal(lower.gap, whole.gap)


def test_each_player_moves_the_gap_its_way(document):
    before, after_g, after_d = gaps(make("r3gan", document, gamma=1e-9))
    assert after_g < before < after_d


def test_a_discriminator_with_batch_norm_is_refused(document):
    with pytest.raises(TypeError, match="layer 0: BatchNorm2d ties samples together, but R3GAN penalises"):
        make("r3gan", document).check_discriminator(torch.nn.Sequential(torch.nn.BatchNorm2d(1)))
