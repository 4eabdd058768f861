"""InfoGAN in closed form: the game of gan, and the bound on what the codes tell."""

import math
from dataclasses import replace

import pytest
import torch
from closed_forms import Linear, batch
from shipped_blocks import objective_of

from ganspeed import objectives
from ganspeed.objectives.gan import GAN
from ganspeed.objectives.infogan import InfoGAN

W = torch.linspace(-0.6, 0.9, 64).view(1, 8, 8)


class Reader(Linear):
    """<w, x>, with a head that says the same of every image."""

    def __init__(self, w, says):
        super().__init__(w)
        self.says = torch.tensor(says)

    def head(self, name, x):
        assert name == "codes"
        return self.says.expand(len(x), -1)


def drawn(codes) -> objectives.Batch:
    return replace(batch(n=len(codes)), draws={"codes": torch.tensor(codes)})


def test_the_information_is_the_cross_entropy_and_half_the_squared_error():
    objective, b = InfoGAN(n_critic=1, categorical=2, continuous=1, lambda_info=3.0), drawn([[1.0, 0.0, 0.5]])
    says = Reader(W, [math.log(3.0), 0.0, -0.5])
    found = objective.information(says, b).item()
    assert found == pytest.approx(-math.log(3 / 4) + 1.0**2 / 2)
    terms = objective.discriminator_terms(says, b)
    assert terms.loss["information"].item() == pytest.approx(3 * found)
    assert objective.generator_terms(says, b).loss["information"].item() == pytest.approx(3 * found)


def test_without_the_information_it_is_gan():
    ours, b = InfoGAN(n_critic=1, categorical=2, continuous=0, lambda_info=1.0), drawn([[1.0, 0.0], [0.0, 1.0]])
    theirs, D = GAN(n_critic=1, saturating=False), Reader(W, [0.0, 0.0])
    for player in ("discriminator_terms", "generator_terms"):
        found, expected = (getattr(objective, player)(D, b).loss for objective in (ours, theirs))
        assert {name: term for name, term in found.items() if name != "information"} == expected
        assert found["information"].item() == pytest.approx(math.log(2))  # a head that knows nothing


def test_both_players_gain_by_a_head_that_reads_the_codes():
    objective, b = InfoGAN(n_critic=1, categorical=2, continuous=0, lambda_info=1.0), drawn([[1.0, 0.0]] * 4)
    right, wrong = Reader(W, [9.0, 0.0]), Reader(W, [0.0, 9.0])
    for player in ("discriminator_terms", "generator_terms"):
        assert getattr(objective, player)(right, b).total() < getattr(objective, player)(wrong, b).total()


def test_it_declares_its_head_and_the_codes_that_g_is_fed():
    objective = objective_of("infogan")
    assert objective.heads() == {"codes": 12}
    assert objectives.codes("infogan", {"categorical": 10, "continuous": 2}) == {"categorical": 10, "continuous": 2}
