"""Smoothed and flipped targets of `gan` and `least_squares`: identities, and closed forms of a few numbers."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from closed_forms import Linear, batch, gaps, make
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, scores

W = torch.linspace(-0.3, 0.5, 64).view(1, 8, 8)
NAMES = ("gan", "least_squares")
RANGES = {"real_target": (0.7, 1.2), "fake_target": (0.0, 0.3)}
HARD = {"real_target": (1.0, 1.0), "fake_target": (0.0, 0.0)}


def drawn(n: int = 6, **changes: float) -> Batch:
    """A batch with a uniform number for each target and flip; changes: the same one for all samples."""
    g = torch.Generator().manual_seed(3)
    names = [f"{kind}_{what}" for kind in ("real", "fake") for what in ("target", "flip")]
    uniform = {name: torch.rand(n, 1, 1, 1, generator=g) for name in names}
    same = {name: torch.full((n, 1, 1, 1), value) for name, value in changes.items()}
    return replace(batch(n=n), draws=uniform | same)


def mirrored(b: Batch) -> Batch:
    """Every target on the other side of the middle of its range."""
    return replace(b, draws=b.draws | {name: 1 - u for name, u in b.draws.items() if name.endswith("target")})


def losses(objective: Objective, b: Batch, D: Callable | None = None) -> torch.Tensor:
    """D's two terms and G's loss, (3,)."""
    D = D or Linear(W)
    terms = [*objective.discriminator_terms(D, b).loss.values(), objective.generator_terms(D, b).total()]
    return torch.stack(terms).detach()


def gradients(objective: Objective, b: Batch) -> torch.Tensor:
    """Of D's loss by its weights, and of G's by each generated sample, as one vector."""
    D, fake = Linear(W), b.fake.clone().requires_grad_()
    (of_d,) = torch.autograd.grad(objective.discriminator_terms(D, b).total(), D.w)
    (of_g,) = torch.autograd.grad(objective.generator_terms(D, replace(b, fake=fake)).total(), fake)
    return torch.cat([of_d.flatten(), of_g.flatten()])


def assert_to_the_last_bit(objective: Objective, loss: dict[str, Callable], adversarial: Callable) -> None:
    """D's terms and G's loss are these functions of scores, and their gradients by D's weights those of these."""
    b, D = batch(), Linear(W)
    found = (objective.discriminator_terms(D, b).loss, objective.generator_terms(D, b).loss)
    wanted = (
        {name: loss[name](score) for name, score in zip(loss, scores(D, b), strict=True)},
        {"adversarial": adversarial(D(b.fake))},
    )
    assert found == wanted
    for terms in zip(found, wanted, strict=True):
        one, other = (torch.autograd.grad(sum(losses.values()), D.w)[0] for losses in terms)
        assert torch.equal(one, other)


@pytest.mark.parametrize("saturating", [False, True])
def test_hard_targets_give_the_loss_of_gan_to_the_last_bit(saturating, document):
    loss = {"real": lambda score: softplus(-score).mean(), "fake": lambda score: softplus(score).mean()}
    adversarial = (lambda score: -softplus(score).mean()) if saturating else loss["real"]
    assert_to_the_last_bit(make("gan", document, saturating=saturating, flip=0.0, **HARD), loss, adversarial)


def test_hard_targets_give_the_loss_of_least_squares_to_the_last_bit(document):
    loss = {"real": lambda score: (score - 1).square().mean() / 2, "fake": lambda score: score.square().mean() / 2}
    assert_to_the_last_bit(make("least_squares", document, flip=0.0, **HARD), loss, loss["real"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("changes", "draws"),
    [
        ({}, set()),
        (HARD | {"flip": 0.0}, set()),
        ({"real_target": (0.9, 0.9), "smooth_generator": True}, set()),
        ({"real_target": (0.7, 1.2)}, {"real_target"}),
        ({"fake_target": (0.0, 0.3)}, {"fake_target"}),
        ({"flip": 0.05}, {"real_flip", "fake_flip"}),
        ({"fake_target": (0.0, 0.3), "flip": 0.05}, {"real_target", "fake_target", "real_flip", "fake_flip"}),
    ],
)
def test_nothing_is_drawn_for_what_is_the_same_for_all(name, changes, draws, document):
    objective = make(name, document, **changes)
    assert objective.draws == dict.fromkeys(draws, "uniform")
    b = drawn()
    losses(objective, replace(b, draws={name: b.draws[name] for name in draws}))  # reads no other


@pytest.mark.parametrize("name", NAMES)
def test_a_range_is_its_middle_and_noise_of_mean_zero(name, document):
    """Of targets t and their mirror images the mean gradient is that of the middle: it is linear in t.

    So is the loss of `gan`; that of `least_squares` is larger by half the mean square of the noise.
    """
    soft = make(name, document, **RANGES, smooth_generator=True)
    middle = make(name, document, real_target=(0.95, 0.95), fake_target=(0.15, 0.15), smooth_generator=True)
    b = drawn()
    found = (gradients(soft, b) + gradients(soft, mirrored(b))) / 2
    torch.testing.assert_close(found, gradients(middle, b), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(gradients(soft, b), gradients(middle, b), rtol=1e-2)
    real, fake = ((b.draws[f"{kind}_target"] - 0.5).square().mean() / 2 for kind in ("real", "fake"))
    excess = torch.stack([0.25 * real, 0.09 * fake, 0.25 * real]) if name == "least_squares" else torch.zeros(3)
    mean = (losses(soft, b) + losses(soft, mirrored(b))) / 2
    torch.testing.assert_close(mean, losses(middle, b) + excess, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_share_of_flips_is_in_the_mean_a_smoothed_target(name, document):
    """5 % of flipped targets are .95 and .05, by the gradient: the mean of all flipped and of none, so weighted."""
    flips = make(name, document, flip=0.05, smooth_generator=True)
    soft = make(name, document, real_target=(0.95, 0.95), fake_target=(0.05, 0.05), smooth_generator=True)
    none, every = (gradients(flips, drawn(real_flip=u, fake_flip=u)) for u in (0.05, 0.0499))
    torch.testing.assert_close(0.95 * none + 0.05 * every, gradients(soft, batch()), rtol=1e-4, atol=1e-6)
    assert torch.equal(none, gradients(make(name, document), batch()))


@pytest.mark.parametrize("name", NAMES)
def test_all_targets_flipped_are_both_roles_swapped(name, document):
    b = drawn()
    swapped = replace(b, real=b.fake, fake=b.real, draws=b.draws | {
        "real_target": b.draws["fake_target"], "fake_target": b.draws["real_target"],
    })  # fmt: skip
    flipped, plain = make(name, document, **RANGES, flip=1.0), make(name, document, **RANGES)
    (real, fake, _), (other_real, other_fake, _) = losses(flipped, b), losses(plain, swapped)
    torch.testing.assert_close(torch.stack([real, fake]), torch.stack([other_fake, other_real]))


def two() -> tuple[Linear, Batch]:
    """D(x) = log 3 and 0, so that σ(D) = 3/4 and 1/2, of both real and generated samples; flips of the first alone."""
    x = torch.zeros(2, 1, 8, 8)
    x[:, 0, 0, 0] = torch.tensor([math.log(3), 0.0])
    column = {
        name: torch.tensor(values).view(2, 1, 1, 1)
        for name, values in {
            "real_target": [0.2, 0.6], "fake_target": [0.5, 0.0], "real_flip": [0.1, 0.9], "fake_flip": [0.1, 0.9],
        }.items()
    }  # fmt: skip
    return Linear(torch.ones(1, 8, 8)), Batch(x, x, torch.zeros(2, 4), torch.zeros(2, 1, 1, 1), torch.zeros(2), column)


# Targets by RANGES and the draws of `two`: the first real one flipped is .3 · .2, the second .7 + .5 · .6, and so on.
REAL, FAKE = (0.06, 1.0), (0.95, 0.0)


def test_the_cross_entropy_of_a_few_numbers(document):
    D, b = two()
    terms = make("gan", document, **RANGES, flip=0.2, smooth_generator=True)

    def cost(targets: tuple[float, float]) -> float:
        pairs = zip((0.75, 0.5), targets, strict=True)
        return sum(-t * math.log(p) - (1 - t) * math.log(1 - p) for p, t in pairs) / 2

    assert terms.discriminator_terms(D, b).loss["real"].item() == pytest.approx(cost(REAL), rel=1e-5)
    assert terms.discriminator_terms(D, b).loss["fake"].item() == pytest.approx(cost(FAKE), rel=1e-5)
    assert terms.generator_terms(D, b).total().item() == pytest.approx(cost(REAL), rel=1e-5)


def test_the_squares_of_a_few_numbers(document):
    D, b = two()
    terms = make("least_squares", document, **RANGES, flip=0.2, smooth_generator=True)

    def cost(targets: tuple[float, float]) -> float:
        return sum((d - t) ** 2 for d, t in zip((math.log(3), 0.0), targets, strict=True)) / 4

    assert terms.discriminator_terms(D, b).loss["real"].item() == pytest.approx(cost(REAL), rel=1e-5)
    assert terms.discriminator_terms(D, b).loss["fake"].item() == pytest.approx(cost(FAKE), rel=1e-5)
    assert terms.generator_terms(D, b).total().item() == pytest.approx(cost(REAL), rel=1e-5)


def constant(value: float) -> Callable:
    """D(x) = value, whatever x."""
    return lambda x: torch.full((len(x),), value)


def test_the_best_logit_of_a_target_is_its_own_and_costs_its_entropy(document):
    objective = make("gan", document, real_target=(0.9, 0.9), fake_target=(0.2, 0.2), smooth_generator=True)
    for t, cost in (
        (0.9, lambda D: objective.discriminator_terms(D, batch()).loss["real"].item()),
        (0.2, lambda D: objective.discriminator_terms(D, batch()).loss["fake"].item()),
        (0.9, lambda D: objective.generator_terms(D, batch()).total().item()),
    ):
        logit, entropy = math.log(t / (1 - t)), -t * math.log(t) - (1 - t) * math.log(1 - t)
        assert cost(constant(logit)) == pytest.approx(entropy, rel=1e-5)
        assert min(cost(constant(logit - 0.1)), cost(constant(logit + 0.1))) > entropy + 1e-4


def test_other_constants_of_least_squares_are_0_and_1_of_moved_scores(document):
    a, b = 0.1, 0.9
    soft = make("least_squares", document, real_target=(b, b), fake_target=(a, a), smooth_generator=True)
    for score in (-0.5, 0.0, 0.7, 2.0):
        found, plain = constant(a + (b - a) * score), constant(score)
        wanted = (b - a) ** 2 * losses(make("least_squares", document), batch(), plain)
        torch.testing.assert_close(losses(soft, batch(), found), wanted)


@pytest.mark.parametrize(("name", "changes"), [("gan", {}), ("gan", {"saturating": True}), ("least_squares", {})])
def test_the_generator_step_has_hard_targets_unless_asked(name, changes, document):
    soft, hard = make(name, document, **RANGES, flip=0.2, **changes), make(name, document, **changes)
    assert torch.equal(losses(soft, drawn())[2], losses(hard, drawn())[2])


@pytest.mark.parametrize("name", NAMES)
def test_with_any_targets_each_player_moves_the_gap_its_way(name, document):
    before, after_g, after_d = gaps(make(name, document, **RANGES, flip=0.1, smooth_generator=True), drawn(n=32))
    assert after_g < before < after_d


def test_targets_are_float32_in_the_midst_of_bfloat16(document):
    """D's scores have 8 bits there, which tell no .95 from .952."""
    objective, b = make("least_squares", document, **RANGES), drawn()
    with torch.autocast("cpu", torch.bfloat16):
        assert objective.targets.of("real", b).dtype == torch.float32
        assert objective.discriminator_terms(Linear(W), b).total().dtype == torch.float32
