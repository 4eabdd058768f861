"""What G is fed: the laws of its parts, their sizes, and which generator each is drawn from."""

import math

import pytest
import torch

from ganspeed.networks.latents import Latents, one_hot
from ganspeed.training.counts import Counts
from ganspeed.training.draws import Draws


def generators(seed: int = 0):
    """A function: purpose → a generator that no other purpose has."""
    return lambda purpose: torch.Generator().manual_seed(seed + len(purpose))


def drawn(latents: Latents, n: int = 4000, seed: int = 0) -> torch.Tensor:
    return latents.sample(n, generators(seed), torch.arange(n) % max(1, latents.classes))


def test_uniform_noise_fills_minus_1_to_1_and_normal_noise_is_standard():
    uniform, normal = drawn(Latents("uniform", 6)), drawn(Latents("normal", 6))
    assert uniform.min() >= -1 and uniform.max() < 1
    assert uniform.min() < -0.999 and uniform.max() > 0.999
    assert uniform.var().item() == pytest.approx(1 / 3, rel=0.02)
    assert (normal.mean().item(), normal.std().item()) == (pytest.approx(0, abs=0.01), pytest.approx(1, rel=0.01))


def test_normal_noise_lies_about_a_sphere_by_the_tutorials_figures():
    """500 samples of 100 numbers: mean and deviation as near to 0 and 1 as the printed -.0048 and .9977, by chance.

    Their lengths are 10 with deviation .71, as of a chi distribution of 100 degrees of freedom.
    """
    z = drawn(Latents("normal", 100), 500)
    error = 1 / math.sqrt(z.numel())
    for mean, deviation in ((z.mean().item(), z.std().item()), (-0.0048, 0.9977)):
        assert abs(mean) < 3 * error and abs(deviation - 1) < 3 * error / math.sqrt(2)
    lengths = z.norm(dim=1)
    assert lengths.mean().item() == pytest.approx(10, abs=0.1)
    assert lengths.std().item() == pytest.approx(math.sqrt(1 / 2), abs=0.1)


@pytest.mark.parametrize("categorical", [0, 5])
@pytest.mark.parametrize("continuous", [0, 2])
@pytest.mark.parametrize("classes", [0, 3])
def test_z_is_noise_codes_and_class_in_this_order(categorical, continuous, classes):
    latents = Latents("normal", 4, categorical, continuous, classes)
    z = drawn(latents)
    assert z.shape == (4000, latents.size) and latents.size == 4 + categorical + continuous + classes
    noise, code, numbers, one = z.split([4, categorical, continuous, classes], 1)
    assert torch.equal(noise, drawn(Latents("normal", 4)))  # whatever follows it
    assert torch.equal(latents.codes(z), torch.cat([code, numbers], 1))
    if categorical:
        assert set(code.flatten().tolist()) == {0.0, 1.0} and (code.sum(1) == 1).all()
        torch.testing.assert_close(code.mean(0), torch.full((5,), 0.2), atol=0.03, rtol=0)
    if continuous:
        assert numbers.min() >= -1 and numbers.max() < 1 and numbers.min() < -0.99 and numbers.max() > 0.99
    if classes:
        assert torch.equal(one, torch.nn.functional.one_hot(torch.arange(4000) % 3, 3).float())


def test_codes_and_noise_are_drawn_apart():
    latents = Latents("uniform", 2, categorical=3, continuous=2)
    purposes = []
    latents.sample(3, lambda purpose: (purposes.append(purpose), generators()(purpose))[1], torch.zeros(3))
    assert purposes == ["z", "codes"]
    assert not torch.equal(drawn(latents, seed=1), drawn(latents))


def test_g_is_fed_the_class_of_the_real_image_beside_it(recipe, images):
    one = recipe("gan", networks={"labels": "planes", "latent": {"law": "uniform"}})
    assert one.latents == Latents("uniform", 4, classes=2)
    draw = Draws(0, Counts(1, 8), one.latents, *images)(3, 0)
    assert torch.equal(draw.z[:, 4:].argmax(1), draw.labels) and set(draw.labels.tolist()) == {0, 1}
    assert recipe("gan").latents == Latents("normal", 4)


def test_a_one_hot_row_of_no_classes_is_empty_and_of_any_other_is_torchs():
    labels = torch.tensor([2, 0, 1])
    assert one_hot(labels, 0).shape == (3, 0)
    assert torch.equal(one_hot(labels, 4), torch.nn.functional.one_hot(labels, 4).float())


def test_what_is_written_down_makes_them_again():
    latents = Latents("uniform", 4, 2, 1, 3)
    assert Latents(**latents.plain()) == latents
