"""Jacobian clamping in closed form: of a G that is linear in z, a step moves every image by what its matrix says."""

from dataclasses import replace

import pytest
import torch
from closed_forms import batch
from torch import nn

from ganspeed.objectives import Batch
from ganspeed.tricks.jacobian import Jacobian

DIM = 3  # numbers of noise; the fourth of z is a code


class Scaled(nn.Module):
    """Images of 8x8 whose first pixels are `factor` times z, the others 0: the quotient is `factor` everywhere."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor, self.seen = nn.Parameter(torch.tensor(factor)), []

    def forward(self, z):
        self.seen.append(z)
        return self.factor * nn.functional.pad(z, (0, 64 - z.shape[1])).view(-1, 1, 8, 8)


def penalty(G: nn.Module, **changes) -> torch.Tensor:
    trick, b = Jacobian(**({"weight": 1.0, "low": 2.0, "high": 5.0, "step": 0.1} | changes)), batch()
    drawn = torch.randn(6, DIM, generator=torch.Generator().manual_seed(3))
    given: Batch = replace(b, fake=G(b.z), draws={"jacobian.direction": drawn})
    return trick.generator_terms(G, None, given)["jacobian"]


@pytest.mark.parametrize(
    ("factor", "wanted", "slope"), [(3.0, 0.0, 0.0), (7.0, 4.0, 4.0), (0.5, 2.25, -3.0), (5.0, 0.0, 0.0)]
)
def test_the_quotient_is_held_between_its_bounds(factor, wanted, slope):
    """(7 - 5)² above, (2 - 0.5)² below, nothing between; and the derivative by the factor."""
    G = Scaled(factor)
    found = penalty(G)
    assert found.item() == pytest.approx(wanted, abs=2e-3)
    assert torch.autograd.grad(found, G.factor)[0].item() == pytest.approx(slope, abs=5e-3)


@pytest.mark.parametrize("step", [0.1, 2.0])
def test_a_step_has_its_length_and_moves_the_noise_alone(step):
    G = Scaled(1.0)
    penalty(G, step=step)
    z, moved = G.seen
    torch.testing.assert_close((moved - z).norm(dim=1), torch.full((6,), step))
    assert torch.equal(moved[:, DIM:], z[:, DIM:])


def test_its_weight_scales_it():
    assert penalty(Scaled(7.0), weight=0.5).item() == pytest.approx(2.0, abs=1e-3)
    assert penalty(Scaled(7.0), weight=0.0).item() == 0.0


def test_a_generator_that_does_not_move_has_a_finite_gradient():
    G = Scaled(0.0)
    assert torch.isfinite(torch.autograd.grad(penalty(G), G.factor)[0])
