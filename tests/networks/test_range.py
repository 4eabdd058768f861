"""Images at the networks' borders: what D sees, what G makes, and what a snapshot holds of it."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_networks import blocks, discriminator, generator

from ganspeed.networks.generator import load_generator, measure_statistics
from ganspeed.networks.range import ImageRange

SHAPE = (3, 8, 8)


@pytest.fixture
def pictures() -> torch.Tensor:
    """(64, 3, 8, 8) in [-1, 1], each channel with a mean and a standard deviation of its own."""
    uniform = torch.rand(64, *SHAPE, generator=torch.Generator().manual_seed(0))
    return uniform * torch.tensor([0.5, 1.0, 1.5]).view(3, 1, 1) - torch.tensor([0.9, 0.2, 0.6]).view(3, 1, 1)


def seen_by_d(name: str, images: torch.Tensor) -> torch.Tensor:
    """What the first layer of a D with this range gets for these images, which its range was measured on."""
    D, seen = discriminator(SHAPE, range=name), []
    D.range.measure(images)
    D.layers[0].register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    D(images)
    return seen[0]


def test_d_sees_signed_images_as_they_are_and_unit_ones_between_0_and_1(pictures):
    assert torch.equal(seen_by_d("signed", pictures), pictures)
    unit = seen_by_d("unit", pictures)
    assert unit.min() >= 0 and unit.max() <= 1
    torch.testing.assert_close(unit * 2 - 1, pictures)


def test_d_sees_standard_images_with_mean_0_and_deviation_1(pictures):
    standard = seen_by_d("standard", pictures)
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(standard.std((0, 2, 3)), torch.ones(3))


@pytest.mark.parametrize("name", ["signed", "unit", "standard"])
def test_the_way_out_is_the_inverse_of_the_way_in(name, pictures):
    between = ImageRange(name, 3)
    between.measure(pictures)
    torch.testing.assert_close(between.outside(between.inside(pictures)), pictures)


def test_a_channel_that_is_the_same_everywhere_stays_finite(pictures):
    pictures[:, 1] = 0.25
    standard = seen_by_d("standard", pictures)
    assert torch.isfinite(standard).all()
    torch.testing.assert_close(standard[:, 1], torch.zeros(64, 8, 8), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("output", "name"), [("tanh", "signed"), ("sigmoid", "unit")])
def test_what_g_makes_is_between_minus_1_and_1_and_reaches_both_ends(output, name):
    G, z = generator(SHAPE, G={"output": output}, range=name), torch.randn(64, 6) * 1e3
    for weight in G.parameters():
        weight.data *= 50
    images = G(z)
    assert images.min() >= -1 and images.max() <= 1
    assert images.min() < -0.99 and images.max() > 0.99


@pytest.mark.parametrize("name", ["unit", "standard"])
def test_half_precision_ends_before_the_range(name, pictures):
    G, z = generator(SHAPE, G={"output": "none"}, range=name), torch.randn(16, 6)
    G.range.measure(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        images, layers = G(z), G.layers(G.project(z).unflatten(1, G.start))
    assert layers.dtype == torch.bfloat16
    assert torch.equal(images, G.range.outside(layers.float()))


def test_a_snapshot_has_the_mean_and_the_deviation_beside_its_weights(tmp_path, pictures):
    changes = {"range": "standard", "G": {"output": "none"}}
    G, z = generator(SHAPE, **changes), torch.randn(32, 6)
    G.range.measure(pictures)
    measure_statistics(G, z)
    save_file(G.state_dict(), tmp_path / "0.safetensors")
    saved = load_file(tmp_path / "0.safetensors")
    torch.testing.assert_close(saved["range.mean"].flatten(), pictures.mean((0, 2, 3)))
    torch.testing.assert_close(saved["range.sd"].flatten(), pictures.std((0, 2, 3)))
    loaded = load_generator(tmp_path / "0.safetensors", blocks(**changes), SHAPE, inputs=6)
    torch.testing.assert_close(loaded(z), G.eval()(z), atol=1e-5, rtol=1e-4)
