"""The options of iterative_penalty one at a time: closed forms, bounds, and the default law left as it was."""

from itertools import pairwise

import ot
import pytest
import torch
from closed_forms import Linear, Quadratic, at_distance, batch, iterative, make
from scipy import stats
from torch import nn

from ganspeed.objectives import Batch, HyperparameterError, gradient_norm, interpolate, norm_penalty
from ganspeed.objectives.iterative_penalty import directions, energy_distance, sliced_wasserstein

DISTANCES = ("gap", "gap_over_norm", "sliced_wasserstein", "energy")
OPTIONS = (
    *({"distance": name} for name in DISTANCES),
    {"reference": "first"},
    {"reference": "decayed_max", "reference_decay": 0.9},
    {"floor": 0.5},
    {"sides": "one"},
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))


def measured(D, b: Batch, **changes) -> float:
    """The distance that one critic step measures."""
    objective = iterative(**changes)
    objective.discriminator_terms(D, b)
    return objective.distance.item()


def after(distances, **changes):
    """The objective after critic steps that measured these distances."""
    objective = iterative(**({"beta": 0.0} | changes))
    for distance in distances:
        objective.distance.fill_(distance)
        objective.after_discriminator_step(None)
    return objective


@pytest.mark.parametrize("alpha", ["iterative", "random", "batch_random", "fixed"])
@pytest.mark.parametrize("weight", ["iterative", "fixed"])
def test_without_options_the_law_is_the_plain_one_bit_for_bit(alpha, weight):
    """Thirty critic steps of the law in its shortest form, on the same batches and weights."""
    objective, D = iterative(alpha=alpha, weight=weight, warmup=5), network()
    c, s, m = (torch.zeros((), dtype=torch.float64) for _ in range(3))
    for n in range(30):
        b = batch(seed=n)
        e = s / max(1 - 0.9**n, 1e-12)
        rho = (torch.ones(()) if n < 5 else (e / m.clamp_min(1e-12)).clamp(0, 1)).float()
        a = {"iterative": 1 - rho, "random": b.u, "batch_random": b.u[0, 0, 0, 0], "fixed": torch.tensor(0.5)}[alpha]
        lam = 10.0 * (rho**2.0 if weight == "iterative" else torch.ones(()))
        real, fake = D(torch.cat([b.real, b.fake])).chunk(2)
        gap = real.mean() - fake.mean()
        penalty = lam * (gradient_norm(D, interpolate(b.real, b.fake, a)) - 1).square().mean()
        terms = objective.discriminator_terms(D, b)
        assert torch.equal(terms.loss["wasserstein"], -gap) and torch.equal(terms.loss["penalty"], penalty)
        objective.after_discriminator_step(D)
        c = gap.detach().abs().double()
        s = torch.lerp(s, c, 1 - 0.9)
        m = torch.maximum(m, s / (1 - 0.9 ** (n + 1)))
        assert torch.equal(objective.average, s)
        with torch.no_grad():
            for weight_ in D.parameters():
                weight_ *= 0.97  # so that the gap falls
    if "iterative" in (alpha, weight):
        assert objective.rho().item() < 0.9


def test_the_gap_over_the_norm_does_not_feel_the_critics_scale():
    """A critic seven times steeper has seven times the gap; over its gradient norm it is the same distance."""
    b, w = batch(), torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    mean = (b.real - b.fake).mean(0)
    for scale in (1.0, 7.0):
        assert measured(Linear(scale * w), b) == pytest.approx(scale * (w * mean).sum().abs().item(), rel=1e-4)
        over = measured(Linear(scale * w), b, distance="gap_over_norm")
        assert over == pytest.approx((w * mean).sum().abs().item() / w.norm().item(), rel=1e-4)


@pytest.mark.parametrize("distance", ["sliced_wasserstein", "energy"])
def test_a_distance_of_pixels_knows_no_critic(distance):
    b = batch()
    a, c = (measured(D, b, distance=distance) for D in (network(), Linear(torch.zeros(1, 8, 8))))
    assert a == c > 0


@pytest.mark.parametrize("distance", DISTANCES[1:])
def test_equal_samples_are_at_distance_zero_in_whatever_order(distance):
    b = batch()
    same = Batch(b.real, b.real.flip(0), b.z, b.u, b.labels)
    assert measured(network(), same, distance=distance) == pytest.approx(0, abs=1e-3)


def test_sliced_wasserstein_of_a_shift():
    """Every projection moves by <theta, s>: in one dimension the distance is |s|."""
    x = torch.randn(20, 12, generator=torch.Generator().manual_seed(0))
    s, theta = torch.linspace(-1, 2, 12), directions(12)
    assert sliced_wasserstein(x, x + s, theta).item() == pytest.approx((s @ theta).square().mean().sqrt().item())
    assert sliced_wasserstein(x[:, :1], x[:, :1] + 3, directions(1)).item() == pytest.approx(3)


def test_sliced_wasserstein_is_that_of_pot():
    g = torch.Generator().manual_seed(0)
    x, y, theta = torch.randn(30, 5, generator=g), 2 * torch.rand(30, 5, generator=g), directions(5)
    expected = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=theta.numpy())
    assert sliced_wasserstein(x, y, theta).item() == pytest.approx(float(expected), rel=1e-5)


def test_directions_are_fixed_unit_vectors():
    before = torch.get_rng_state()
    theta = directions(64)
    torch.testing.assert_close(theta.norm(dim=0), torch.ones(theta.shape[1]))
    assert torch.equal(theta, directions(64))
    assert torch.equal(torch.get_rng_state(), before)


def test_energy_distance_of_point_masses_is_root_of_twice_their_distance():
    x = torch.zeros(5, 4)
    assert energy_distance(x, x + torch.tensor([3.0, 0.0, 4.0, 0.0])).item() == pytest.approx((2 * 5) ** 0.5)


def test_energy_distance_on_the_line_is_that_of_scipy():
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 1, generator=g), torch.rand(30, 1, generator=g)
    expected = stats.energy_distance(x[:, 0].numpy(), y[:, 0].numpy())
    assert energy_distance(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_references_in_closed_form():
    distances = (4.0, 8.0, 2.0, 1.0)
    assert after(distances).reference.item() == 8
    assert after(distances, reference="first").reference.item() == 4
    fading = after(distances, reference="decayed_max", reference_decay=0.5)
    assert fading.reference.item() == 2  # max(8/2 = 4, 2), then max(4/2, 1)
    assert [after(distances[:n], reference="first").rho().item() for n in (1, 2, 3, 4)] == [1, 1, 0.5, 0.25]
    assert fading.rho().item() == 0.5


def test_a_reference_that_does_not_fade_is_the_maximum():
    distances = (1.0, 5.0, 3.0, 4.0)
    same = after(distances, reference="decayed_max", reference_decay=1.0)
    assert torch.equal(same.reference, after(distances).reference)


def test_the_floor_bounds_lambda_and_leaves_it_alone_above():
    rho = torch.linspace(0, 1, 21)
    plain, floored = (iterative(floor=floor).penalty_weight(rho) for floor in (0.0, 1.5))
    assert floored.min().item() == 1.5 and floored.max().item() == 10.0
    assert torch.equal(floored[plain >= 1.5], plain[plain >= 1.5])
    assert torch.equal(plain, 10 * rho**2)


def test_a_floor_above_lambda_0_is_refused():
    with pytest.raises(HyperparameterError, match="floor: 11.0 is not <= lambda_0, which is 10.0"):
        iterative(floor=11.0)


@pytest.mark.parametrize("name", ["wgan_gp", "iterative"])
def test_one_sided_penalty_is_zero_below_norm_one_and_the_usual_one_above(name, document):
    w = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    for norm, expected in ((0.4, 0.0), (3.0, 10 * 4.0)):
        D = Linear(norm * w / w.norm())
        penalty = make(name, document, sides="one").discriminator_terms(D, batch()).loss["penalty"]
        assert penalty.item() == pytest.approx(expected, rel=1e-4)
        (gradient,) = torch.autograd.grad(penalty, D.w)
        assert gradient.abs().max().item() > 0 if expected else torch.equal(gradient, torch.zeros_like(w))


def test_one_sided_penalty_judges_each_sample_by_itself():
    """Norms above and below 1 do not cancel: mean of 0 and 1, not the penalty of the mean."""
    assert norm_penalty(torch.tensor([0.0, 2.0]), "one").item() == 0.5
    assert norm_penalty(torch.tensor([0.0, 2.0]), "two").item() == 1.0


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_facts_of_the_method_hold_under_every_option(options):
    """Far away: x̂ generated, full weight. Nearer: a more real point, a smaller or equal weight and share."""
    b, D = batch(), Linear(torch.full((1, 8, 8), 0.5))
    terms = [at_distance(rho, **options).discriminator_terms(D, b).diagnostics for rho in (0.0, 0.2, 0.5, 0.9, 1.0)]
    assert (terms[-1]["alpha"].item(), terms[-1]["lambda"].item()) == (0, 10)
    assert (terms[0]["alpha"].item(), terms[0]["lambda"].item()) == (1, options.get("floor", 0))
    for near, far in pairwise(terms):
        assert near["alpha"] >= far["alpha"] and near["lambda"] <= far["lambda"] and near["share"] <= far["share"]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_constant_distance_gives_that_distance_at_every_step(options):
    objective, D, b = iterative(beta=0.99, **options), Quadratic(0.3), batch()
    for _ in range(20):
        objective.discriminator_terms(D, b)
        objective.after_discriminator_step(D)
        assert objective.ema().item() == pytest.approx(objective.distance.item())
        assert objective.rho().item() == pytest.approx(1)


@pytest.mark.parametrize("distance", DISTANCES)
def test_no_gradient_flows_through_the_distance(distance):
    objective, D, b = iterative(distance=distance), network(), batch()
    objective.discriminator_terms(D, b)
    objective.after_discriminator_step(D)
    assert not any(buffer.requires_grad for buffer in objective.buffers())
    terms = objective.discriminator_terms(D, b)
    assert not terms.diagnostics["lambda"].requires_grad and not terms.diagnostics["alpha"].requires_grad
