"""Least squares GAN in closed form."""

import pytest
import torch
from closed_forms import Linear, batch, gaps, make

W = torch.linspace(-0.3, 0.5, 64).view(1, 8, 8)


def test_losses_are_squared_distances_to_1_and_0(document):
    b, objective = batch(), make("least_squares", document)
    real, fake = ((x * W).sum((1, 2, 3)).tolist() for x in (b.real, b.fake))
    terms = objective.discriminator_terms(Linear(W), b)
    n = len(real)
    assert terms.loss["real"].item() == pytest.approx(sum((d - 1) ** 2 for d in real) / n / 2, rel=1e-5)
    assert terms.loss["fake"].item() == pytest.approx(sum(d**2 for d in fake) / n / 2, rel=1e-5)
    assert terms.gap.item() == pytest.approx((sum(real) - sum(fake)) / n, rel=1e-5)
    adversarial = objective.generator_terms(Linear(W), b).total().item()
    assert adversarial == pytest.approx(sum((d - 1) ** 2 for d in fake) / n / 2, rel=1e-5)


def test_gradients_are_the_residuals_times_the_input(document):
    """For D: mean (D(x) - 1) x + mean D(x_fake) x_fake; for a generated sample: (D(x_fake) - 1) w / N."""
    b, D, objective = batch(), Linear(W), make("least_squares", document)
    b.fake.requires_grad_()
    (of_d,) = torch.autograd.grad(objective.discriminator_terms(D, b).total(), D.w)
    (of_fake,) = torch.autograd.grad(objective.generator_terms(D, b).total(), b.fake)
    with torch.no_grad():
        real, fake = (D(x).view(-1, 1, 1, 1) for x in (b.real, b.fake))
        torch.testing.assert_close(of_d, ((real - 1) * b.real + fake * b.fake).mean(0))
        torch.testing.assert_close(of_fake, (fake - 1) * W / len(fake))


def test_a_discriminator_that_tells_nothing_apart_does_best_at_one_half(document):
    """Equal samples on both sides: the optimum is D = 1/2, at a cost of 1/4 (section 3.2.2)."""

    def cost(score: float) -> float:
        return make("least_squares", document).discriminator_terms(lambda x: torch.full((len(x),), score), batch())

    assert cost(0.5).total().item() == pytest.approx(0.25)
    assert all(cost(score).total().item() > 0.25 for score in (0.0, 0.4, 0.6, 1.0))


def test_each_player_moves_the_gap_its_way(document):
    before, after_g, after_d = gaps(make("least_squares", document))
    assert after_g < before < after_d
