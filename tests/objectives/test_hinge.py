"""The hinge loss in closed form."""

import pytest
import torch
from closed_forms import Linear, batch, gaps, make

W = torch.linspace(-0.6, 0.9, 64).view(1, 8, 8)


def test_losses_count_what_is_inside_the_margin(document):
    b, objective = batch(n=16), make("hinge", document)
    real, fake = ((x * W).sum((1, 2, 3)).tolist() for x in (b.real, b.fake))
    terms = objective.discriminator_terms(Linear(W), b)
    assert terms.loss["real"].item() == pytest.approx(sum(max(0, 1 - d) for d in real) / 16, rel=1e-5)
    assert terms.loss["fake"].item() == pytest.approx(sum(max(0, 1 + d) for d in fake) / 16, rel=1e-5)
    assert terms.gap.item() == pytest.approx((sum(real) - sum(fake)) / 16, rel=1e-5)
    assert objective.generator_terms(Linear(W), b).total().item() == pytest.approx(-sum(fake) / 16, rel=1e-5)


def test_gradients_come_from_inside_the_margin_alone(document):
    """For D: -mean of the x with D(x) < 1, plus the mean of the x_fake with D(x_fake) > -1; for G: -w / N."""
    b, D, objective = batch(n=16), Linear(W), make("hinge", document)
    b.fake.requires_grad_()
    (of_d,) = torch.autograd.grad(objective.discriminator_terms(D, b).total(), D.w)
    (of_fake,) = torch.autograd.grad(objective.generator_terms(D, b).total(), b.fake)
    with torch.no_grad():
        real, fake = ((D(x) * sign < 1).view(-1, 1, 1, 1) for x, sign in ((b.real, 1), (b.fake, -1)))
        assert 0 < real.sum() < 16 and 0 < fake.sum() < 16  # else the margin is not seen
        torch.testing.assert_close(of_d, (fake * b.fake - real * b.real).mean(0))
        torch.testing.assert_close(of_fake, (-W / 16).expand_as(of_fake))


def test_scores_beyond_the_margin_cost_nothing_and_at_0_both_cost_1(document):
    objective, b = make("hinge", document), batch()
    right = torch.tensor([1.5] * 6 + [-2.0] * 6)
    assert objective.discriminator_terms(lambda x: right, b).total().item() == 0
    assert objective.discriminator_terms(lambda x: 0 * right, b).total().item() == 2


def test_each_player_moves_the_gap_its_way(document):
    before, after_g, after_d = gaps(make("hinge", document))
    assert after_g < before < after_d
