"""EBGAN in closed form: energies, the margin, and codes that are pulled away from each other."""

import pytest
import torch
from closed_forms import batch
from shipped_blocks import objective_of, toy_networks

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise
from ganspeed.objectives.ebgan import EBGAN, pulling_away


class Energies:
    """A discriminator with these scores for what it is shown, and these codes."""

    def __init__(self, real, fake, codes=None):
        self.real, self.fake, self.codes = torch.tensor(real), torch.tensor(fake), codes

    def __call__(self, x):
        return torch.cat([self.real, self.fake]) if len(x) == 2 * len(self.real) else self.fake

    def features(self, x):
        return self.codes


def test_losses_are_the_energies_and_what_lacks_to_the_margin():
    objective = EBGAN(n_critic=1, margin=1.0, pull_away=0.0)
    D, b = Energies([-0.1, -0.3], [-0.4, -1.5]), batch(n=2)
    terms = objective.discriminator_terms(D, b)
    assert terms.loss["real"].item() == pytest.approx(0.2)
    assert terms.loss["fake"].item() == pytest.approx((0.6 + 0.0) / 2)
    assert terms.gap.item() == pytest.approx(-0.2 + 0.95)
    assert objective.generator_terms(D, b).loss.keys() == {"adversarial"}
    assert objective.generator_terms(D, b).total().item() == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([[1.0, 0.0], [2.0, 0.0]], 1.0),
        ([[1.0, 0.0], [0.0, 3.0]], 0.0),
        ([[1.0, 0.0], [-1.0, 0.0]], 1.0),
        ([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], (0.5 + 0.0 + 0.5) / 3),
    ],
)
def test_the_pulling_away_term_is_the_mean_squared_cosine_of_pairs(codes, expected):
    assert pulling_away(torch.tensor(codes)).item() == pytest.approx(expected, abs=1e-6)


def test_the_generator_minimises_the_weighted_term_too():
    objective, codes = EBGAN(n_critic=1, margin=1.0, pull_away=0.5), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    terms = objective.generator_terms(Energies([0.0, 0.0], [-1.0, -1.0], codes), batch(n=2))
    assert terms.loss["pull_away"].item() == pytest.approx(0.5)
    assert terms.total().item() == pytest.approx(1.5)


def test_the_autoencoders_score_is_minus_its_mean_squared_error():
    D, b = new_discriminator(toy_networks({"D": {"body": "autoencoder"}}), (1, 8, 8)), batch()
    initialise(D, torch.Generator().manual_seed(0))
    rebuilt = D.decode(D.features(b.real)).view_as(b.real)
    torch.testing.assert_close(D(b.real), -(rebuilt - b.real).square().mean((1, 2, 3)))
    assert D(b.real).max() < 0


def test_each_player_moves_the_gap_its_way():
    """One step of plain SGD on the same batch: D's raises the gap, G's lowers it."""
    objective, b = objective_of("ebgan"), batch(n=32)
    D = new_discriminator(toy_networks({"D": {"body": "autoencoder"}}), (1, 8, 8))
    initialise(D, torch.Generator().manual_seed(0), "xavier")
    weights, fake = list(D.parameters()), b.fake.clone().requires_grad_()

    def gap(fake):
        return (D(b.real).mean() - D(fake).mean()).item()

    (of_fake,) = torch.autograd.grad(-D(fake).mean(), fake)
    of_d = torch.autograd.grad(EBGAN(n_critic=1, margin=5.0, pull_away=0.0).discriminator_terms(D, b).total(), weights)
    before, after_g = gap(b.fake), gap(b.fake - 0.1 * of_fake)
    with torch.no_grad():
        for weight, gradient in zip(weights, of_d, strict=True):
            weight -= 1e-3 * gradient
    assert after_g < before < gap(b.fake)
    assert objective.body == "autoencoder"
