"""The controlled weight of the penalty in closed form: law, bounds, windup, and WGAN-GP without a controller."""

import pytest
import torch
from closed_forms import Linear, Quadratic, batch, gaps, make
from device_queries import NoAnswer
from torch import nn

from ganspeed.objectives import HyperparameterError

W = torch.linspace(-1, 1, 64).view(1, 8, 8)


def of_norm(norm: float) -> Linear:
    return Linear(norm * W / W.norm())


def weights(objective, norms) -> list[float]:
    """lambda of each critic step of discriminators with these gradient norms, as the step has used it."""
    seen = []
    for norm in norms:
        terms = objective.discriminator_terms(of_norm(norm), batch())
        objective.after_discriminator_step(None)
        assert terms.loss["penalty"].item() == pytest.approx(
            terms.diagnostics["lambda"].item() * (norm - 1) ** 2, rel=1e-4, abs=1e-9
        )
        seen.append(terms.diagnostics["lambda"].item())
    return seen


@pytest.mark.parametrize(
    ("k_p", "k_i", "expected"),
    [
        (2.0, 0.0, [10, 11, 12, 9, 10]),  # in proportion to the last error
        (0.0, 2.0, [10, 11, 13, 12, 12]),  # to the sum of all
        (1.0, 2.0, [10, 11.5, 14, 11.5, 12]),
    ],
)
def test_lambda_follows_the_errors_of_the_steps_before(k_p, k_i, expected, document):
    objective = make("agp", document, k_p=k_p, k_i=k_i)
    assert weights(objective, [1.5, 2.0, 0.5, 1.0, 1.0]) == pytest.approx(expected, rel=1e-5)


def test_lambda_keeps_its_bounds_and_leaves_them_when_the_error_turns(document):
    """Without bounds of its own the integral would be 6 after the first three steps, and lambda 12.5 for long."""
    objective = make("agp", document, k_p=0.0, k_i=1.0, floor=9.25, ceiling=12.5)
    norms = [3.0, 3.0, 3.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 1.5, 1.0]
    expected = [10, 12, 12.5, 12.5, 12, 11.5, 10.5, 9.5, 9.25, 9.25, 9.75]
    assert weights(objective, norms) == pytest.approx(expected, rel=1e-5)


def test_the_part_in_proportion_keeps_the_bounds_too(document):
    objective = make("agp", document, k_p=100.0, k_i=0.0, floor=9.25, ceiling=12.5)
    assert weights(objective, [3.0, 0.5, 1.0, 1.0]) == pytest.approx([10, 12.5, 9.25, 10], rel=1e-5)


def test_a_controller_without_gains_is_wgan_gp_bit_for_bit(document):
    objective, b = make("agp", document, k_p=0.0, k_i=0.0), batch(n=16)
    D = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))
    theirs = make("wgan_gp", document).discriminator_terms(D, b).loss
    for _ in range(3):
        ours = objective.discriminator_terms(D, b).loss
        objective.after_discriminator_step(D)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert torch.equal(objective.generator_terms(D, b).total(), -D(b.fake).mean())


def test_no_gradient_flows_through_lambda(document):
    """The penalty's derivative is that at a constant lambda: 2 λ mean (a||x_hat|| - 1) ||x_hat||."""
    objective, D, b = make("agp", document), Quadratic(0.3), batch()
    for _ in range(2):
        terms = objective.discriminator_terms(D, b)
        objective.after_discriminator_step(D)
    weight = terms.diagnostics["lambda"]
    norms = (b.u * b.real + (1 - b.u) * b.fake).flatten(1).norm(dim=1)
    (gradient,) = torch.autograd.grad(terms.loss["penalty"], D.a)
    assert weight.item() != 10 and not weight.requires_grad
    torch.testing.assert_close(gradient, 2 * weight * ((0.3 * norms - 1) * norms).mean())


def test_the_state_is_float64_in_the_checkpoint_and_asks_no_device(document):
    one, other = make("agp", document), make("agp", document)
    with NoAnswer():
        for _ in range(3):
            one.discriminator_terms(of_norm(2.0), batch())
            one.after_discriminator_step(None)
    other.load_state_dict(one.state_dict())
    assert {name for name, _ in one.named_buffers()} == {"error", "integral", "weight"}
    assert {buffer.dtype for buffer in one.buffers()} == {torch.float64}
    assert weights(one, [1.5, 0.5]) == weights(other, [1.5, 0.5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"floor": 11.0}, "floor: 11.0 is not <= lambda_0, which is 10.0"),
        ({"ceiling": 9.0}, "ceiling: 9.0 is not >= lambda_0, which is 10.0"),
    ],
)
def test_bounds_that_exclude_lambda_0_are_refused(changes, message, document):
    with pytest.raises(HyperparameterError, match=message):
        make("agp", document, **changes)


def test_each_player_moves_the_gap_its_way(document):
    before, after_g, after_d = gaps(make("agp", document, lambda_0=1e-9))
    assert after_g < before < after_d
