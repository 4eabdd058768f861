"""Closed forms of every loss and penalty, and the recurring bugs of public implementations one by one."""

import ast
import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from closed_forms import Linear, Quadratic, at_distance, batch, gaps, iterative, make
from shipped_blocks import toy_networks
from small_networks import discriminator
from torch import nn

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise
from ganspeed.objectives import Batch, gradient_norm, input_gradient, interpolate
from ganspeed.params.objectives import OBJECTIVES, objective_names

VARIANTS = ("gan", "wgan", "wgan_gp", "iterative", "iterative_alpha", "iterative_weight")


def test_gan_losses_are_those_of_the_game_on_probabilities(document):
    b, D = batch(), Linear(torch.randn(1, 8, 8) * 0.1)
    p_real, p_fake = torch.sigmoid(D(b.real)), torch.sigmoid(D(b.fake))
    terms = make("gan", document).discriminator_terms(D, b)
    torch.testing.assert_close(terms.total(), -(p_real.log().mean() + (1 - p_fake).log().mean()))
    torch.testing.assert_close(make("gan", document).generator_terms(D, b).total(), -p_fake.log().mean())
    minimax = make("gan", document, saturating=True).generator_terms(D, b).total()
    torch.testing.assert_close(minimax, (1 - p_fake).log().mean())


def test_gan_loss_has_no_second_sigmoid(document):
    """Sure and right logits cost nothing; with a sigmoid of its own D would bottom out at .3133 and .6931."""
    b = batch()
    D = Linear(torch.ones(1, 8, 8))
    sure = Batch(torch.ones_like(b.real), -torch.ones_like(b.fake), b.z, b.u, b.labels)
    assert make("gan", document).discriminator_terms(D, sure).total() < 1e-6


def test_gan_discriminator_at_chance_costs_two_log_two(document):
    D = Linear(torch.zeros(1, 8, 8))
    assert make("gan", document).discriminator_terms(D, batch()).total().item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("name", ["wgan", "wgan_gp", "iterative"])
def test_critic_minimises_minus_the_gap(name, document):
    b, D = batch(), Linear(torch.randn(1, 8, 8))
    terms = make(name, document).discriminator_terms(D, b)
    gap = D(b.real).mean() - D(b.fake).mean()
    torch.testing.assert_close(terms.loss["wasserstein"], -gap)
    torch.testing.assert_close(terms.gap, gap)
    torch.testing.assert_close(make(name, document).generator_terms(D, b).total(), -D(b.fake).mean())


def test_wgan_clips_every_weight(document):
    D = Linear(torch.randn(1, 8, 8))
    make("wgan", document, clip=0.01).after_discriminator_step(D)
    assert D.w.abs().max().item() == pytest.approx(0.01)


def test_only_a_wasserstein_critic_tells_how_far_point_masses_are_apart(document):
    """Example 1 of 1701.07875 on one pixel: real images at distance / 2, generated ones at -distance / 2.

    The clipped critic's gap is the distance times the clip, and G's gradient the clip, at any distance. A sure D of the
    original game costs next to nothing and leaves minimax G next to no gradient, however near the two are.
    """
    wgan, gan = make("wgan", document, clip=0.05), make("gan", document, saturating=True)
    critic, sure = Linear(torch.ones(1, 1, 1)), Linear(torch.full((1, 1, 1), 1e3))
    wgan.after_discriminator_step(critic)
    for distance in (0.1, 0.5, 2.0):
        real = torch.full((4, 1, 1, 1), distance / 2)
        b = replace(batch(n=4, shape=(1, 1, 1)), real=real, fake=(-real).requires_grad_())
        assert wgan.discriminator_terms(critic, b).gap.item() == pytest.approx(0.05 * distance)
        assert gan.discriminator_terms(sure, b).total().item() == pytest.approx(0, abs=1e-12)
        for objective, D, expected in ((wgan, critic, -0.05), (gan, sure, 0.0)):
            (by_image,) = torch.autograd.grad(objective.generator_terms(D, b).total(), b.fake)
            torch.testing.assert_close(by_image.sum(), torch.tensor(expected))


def test_g_follows_ds_gradient_by_the_image_which_raises_its_score(document):
    """An image moved a little along that gradient scores higher by its squared norm; G's loss falls along it alone."""
    D, b = discriminator(init="xavier"), batch()
    gradient, step = input_gradient(D, b.fake, differentiable=False), 1e-3
    assert gradient.shape == b.fake.shape
    raised = D(b.fake + step * gradient) - D(b.fake)
    assert (raised > 0).all()
    torch.testing.assert_close(raised, step * gradient.square().flatten(1).sum(1), rtol=0.05, atol=1e-6)
    fake = b.fake.clone().requires_grad_()
    (by_image,) = torch.autograd.grad(make("gan", document).generator_terms(D, replace(b, fake=fake)).total(), fake)
    weight = torch.sigmoid(-D(b.fake)) / len(fake)  # how unsure D is, over the mean's number of samples
    torch.testing.assert_close(by_image, -weight.view(-1, 1, 1, 1) * gradient)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (3, 4, 16)])
@pytest.mark.parametrize("name", ["wgan_gp", "iterative"])
def test_penalty_of_a_linear_critic_whatever_the_shape(name, shape, document):
    """(||w|| - 1)² λ: a norm over channels or per batch gives another value."""
    w = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    terms = make(name, document).discriminator_terms(Linear(w), batch(shape=shape))
    assert terms.loss["penalty"].item() == pytest.approx(10 * (w.norm().item() - 1) ** 2, rel=1e-5)


def test_a_target_of_2_asks_for_the_norm_2(document):
    """λ (||w|| - 2)²; one-sided, a norm below 2 costs nothing; and 1 is what it is without the key."""
    w = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))

    def penalty(norm: float, **changes) -> torch.Tensor:
        terms = make("wgan_gp", document, **changes).discriminator_terms(Linear(norm * w / w.norm()), batch())
        return terms.loss["penalty"]

    for norm, two, one in ((1.5, 2.5, 0.0), (2.0, 0.0, 0.0), (3.0, 10.0, 10.0)):
        assert penalty(norm, target=2.0).item() == pytest.approx(two, rel=1e-4, abs=1e-9)
        assert penalty(norm, target=2.0, sides="one").item() == pytest.approx(one, rel=1e-4, abs=1e-9)
        assert torch.equal(penalty(norm, target=1.0), penalty(norm))
    assert document["variants"]["wgan_gp_target_2"]["target"] == 2.0


def test_penalty_is_the_mean_over_samples_not_the_penalty_of_the_mean(document):
    b, a = batch(), 0.3
    x_hat = b.u * b.real + (1 - b.u) * b.fake
    expected = 10 * (a * x_hat.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(make("wgan_gp", document).discriminator_terms(Quadratic(a), b).loss["penalty"], expected)


def test_interpolation_is_drawn_per_sample_not_per_pixel_or_batch(document):
    """Every x_hat lies on the segment of its own pair, at its own u."""
    b = batch()
    seen = []

    class Spy(Linear):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    make("wgan_gp", document).discriminator_terms(Spy(torch.randn(1, 8, 8)), b)
    weights = ((seen[-1] - b.fake) / (b.real - b.fake)).flatten(1)
    torch.testing.assert_close(weights, b.u.flatten(1).expand_as(weights), rtol=1e-3, atol=1e-3)
    assert weights[:, 0].unique().numel() == len(b.real)


def test_penalty_gradient_is_the_second_derivative(document):
    """d/da λ mean (a||x|| - 1)² = 2 λ mean (a||x|| - 1) ||x||: wrong or zero without create_graph."""
    b, a = batch(), 0.3
    D = Quadratic(a)
    penalty = make("wgan_gp", document).discriminator_terms(D, b).loss["penalty"]
    (gradient,) = torch.autograd.grad(penalty, D.a)
    norms = (b.u * b.real + (1 - b.u) * b.fake).flatten(1).norm(dim=1)
    torch.testing.assert_close(gradient, 20 * ((a * norms - 1) * norms).mean())


def test_zero_input_gradient_gives_finite_derivatives():
    D = Quadratic(1.0)
    norm = gradient_norm(D, torch.zeros(3, 1, 8, 8))
    (gradient,) = torch.autograd.grad((norm - 1).square().mean(), D.a)
    assert torch.isfinite(gradient)


@pytest.mark.parametrize("name", VARIANTS)
def test_one_step_of_each_player_moves_the_gap_its_way(name, document):
    """Plain SGD, the same batch, next to no penalty: the critic raises the gap, the generator lowers it."""
    changes = {"wgan_gp": {"lambda_gp": 0.0}}.get(name, {"lambda_0": 1e-9} if name.startswith("iterative") else {})
    before, after_g, after_d = gaps(make(name, document, **changes))
    assert after_g < before < after_d


def test_without_a_weight_no_pass_is_made_for_the_penalty(document):
    passes = []
    D = Linear(torch.ones(1, 8, 8))
    D.register_forward_hook(lambda *_: passes.append(1))
    for weight, expected in ((10.0, 2), (0.0, 1)):
        passes.clear()
        terms = make("wgan_gp", document, lambda_gp=weight).discriminator_terms(D, batch())
        assert len(passes) == expected
    assert torch.equal(terms.total(), -terms.gap)


@pytest.mark.parametrize("name", VARIANTS[2:])
def test_a_penalised_critic_with_batch_norm_is_refused(name, document):
    D = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    with pytest.raises(TypeError, match="layer 1: BatchNorm2d ties samples together"):
        make(name, document).check_discriminator(D)


@pytest.mark.parametrize("name", VARIANTS[2:])
def test_the_penalty_is_float32_in_the_midst_of_bfloat16(name, document):
    """To the last bit; D's scores of the same batch are not."""
    D, b = new_discriminator(toy_networks(), (1, 8, 8)), batch()
    initialise(D, torch.Generator().manual_seed(0))
    whole = make(name, document).discriminator_terms(D, b)
    with torch.autocast("cpu", torch.bfloat16):
        lower = make(name, document).discriminator_terms(D, b)
    assert torch.equal(lower.loss["penalty"], whole.loss["penalty"])
    assert not torch.equal(lower.gap, whole.gap)


def test_random_alpha_and_fixed_weight_equal_wgan_gp_bit_for_bit(document):
    b, D = batch(n=16), nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1))
    scores = nn.Sequential(D, nn.Flatten(0))
    ours = iterative(alpha="random", weight="fixed").discriminator_terms(scores, b).loss
    theirs = make("wgan_gp", document).discriminator_terms(scores, b).loss
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_far_away_the_penalty_sits_on_the_generated_sample_at_full_weight():
    b, objective = batch(), at_distance(1.0)
    rho = objective.rho().float()
    assert objective.penalty_weight(rho).item() == 10.0
    assert torch.equal(interpolate(b.real, b.fake, objective.interpolation_weight(rho, b.u)), b.fake)


def test_at_distance_zero_it_is_the_plain_wgan_loss_at_the_real_sample():
    b, objective, D = batch(), at_distance(0.0), Linear(torch.randn(1, 8, 8))
    rho = objective.rho().float()
    assert torch.equal(interpolate(b.real, b.fake, objective.interpolation_weight(rho, b.u)), b.real)
    terms = objective.discriminator_terms(D, b)
    assert terms.loss["penalty"].item() == 0.0
    torch.testing.assert_close(terms.total(), D(b.fake).mean() - D(b.real).mean())


def test_a_constant_gap_gives_that_gap_at_every_step():
    objective, D = iterative(beta=0.99), Linear(torch.full((1, 8, 8), 0.1))
    b = batch()
    gap = (D(b.real).mean() - D(b.fake).mean()).abs().item()
    for step in range(1, 50):
        objective.discriminator_terms(D, b)
        objective.after_discriminator_step(D)
        assert objective.seen.item() == step
        assert objective.ema().item() == pytest.approx(gap, rel=1e-6)
        assert objective.rho().item() == pytest.approx(1.0)


def test_literal_reading_follows_the_last_gap_alone():
    objective = iterative(beta=0.0)
    for gap in (4.0, 8.0, 2.0):
        objective.distance.fill_(gap)
        objective.after_discriminator_step(None)
    assert objective.ema().item() == pytest.approx(2.0)
    assert objective.reference.item() == pytest.approx(8.0)
    assert objective.rho().item() == pytest.approx(0.25)


def test_rho_is_one_before_the_first_gap_and_during_warmup():
    objective = iterative(beta=0.0, warmup=3)
    seen = []
    for gap in (4.0, 2.0, 1.0, 1.0):
        seen.append(objective.rho().item())
        objective.distance.fill_(gap)
        objective.after_discriminator_step(None)
    assert seen == [1.0, 1.0, 1.0, pytest.approx(0.25)]


def test_the_gap_that_counts_is_that_of_the_previous_critic_step():
    b, D = batch(), Linear(torch.full((1, 8, 8), 0.5))
    objective = iterative(beta=0.0)
    first = objective.discriminator_terms(D, b)
    objective.after_discriminator_step(D)
    second = objective.discriminator_terms(D, batch(seed=1))
    assert first.diagnostics["distance"].item() == 0.0
    assert second.diagnostics["distance"].item() == pytest.approx(first.gap.abs().item())


def test_no_gradient_flows_through_alpha_or_lambda():
    """With rho held by the controller's buffers, the penalty's derivative is that at constant alpha and lambda."""
    b, a, rho = batch(), 0.3, 0.5
    D = Quadratic(a)
    penalty = at_distance(rho).discriminator_terms(D, b).loss["penalty"]
    (gradient,) = torch.autograd.grad(penalty, D.a)
    norms = (0.5 * b.real + 0.5 * b.fake).flatten(1).norm(dim=1)
    torch.testing.assert_close(gradient, 2 * 10 * rho**2 * ((a * norms - 1) * norms).mean())


def test_nearer_means_a_more_real_point_and_a_smaller_weight_and_share():
    D, b = Linear(torch.full((1, 8, 8), 0.5)), batch()
    terms = [at_distance(rho).discriminator_terms(D, b).diagnostics for rho in (0.0, 0.2, 0.5, 0.9, 1.0)]
    for near, far in pairwise(terms):
        assert near["alpha"] >= far["alpha"]
        assert near["lambda"] <= far["lambda"]
        assert near["share"] < far["share"]  # the linear critic's penalty is constant


@pytest.mark.parametrize("kind", ["batch_random", "fixed"])
def test_alpha_controls_use_one_value_for_the_batch(kind):
    b = batch()
    alpha = iterative(alpha=kind).interpolation_weight(torch.tensor(0.3), b.u)
    assert alpha.numel() == 1
    assert alpha.item() == (0.5 if kind == "fixed" else b.u[0].item())


@pytest.mark.parametrize("name", objective_names())
def test_an_objective_file_imports_only_the_package_base(name):
    """So that editing one objective retrains only its users."""
    tree = ast.parse((OBJECTIVES / f"{name}.py").read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert {m for m in imported if m.startswith("ganspeed")} == {"ganspeed.objectives"}
