"""Bodies, image sizes, depths, class planes and heads of both networks."""

from dataclasses import replace

import pytest
import torch
from closed_forms import batch
from pydantic import TypeAdapter, ValidationError
from small_networks import blocks, discriminator, generator
from torch import nn
from torch.nn import functional as F

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator_bodies.dcgan import doubling_convolution
from ganspeed.networks.layers import BatchNorm
from ganspeed.objectives import gradient_norm, interpolate, scores
from ganspeed.params.datasets import ImageSize
from ganspeed.params.networks import IMAGE_SIZES
from ganspeed.training.history import PROFILE_WEIGHTS, gradient_profile


def convolutions(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


def map_sizes(network: nn.Module, given: torch.Tensor) -> list[tuple[int, int]]:
    """Inputs and outputs of each convolution, in pixels a side."""
    seen = []
    for layer in convolutions(network):
        layer.register_forward_hook(lambda layer, x, y: seen.append((x[0].shape[-1], y.shape[-1])))
    network(given)
    return seen


@pytest.mark.parametrize("size", IMAGE_SIZES)
def test_every_size_that_params_allow_is_made_and_scored(size):
    assert size in range(8, 129, 4) and TypeAdapter(ImageSize).validate_python(size) == size
    narrow = {"G": {"width": 1}, "D": {"width": 1}}
    images = generator((1, size, size), **narrow)(torch.randn(2, 6))
    assert images.shape == (2, 1, size, size)
    for down in ("stride", "pool"):
        for body in ("dcgan", "pyramid"):
            D = discriminator((1, size, size), D={"width": 1, "down": down, "body": body})
            assert torch.isfinite(D(images)).all() and D(images).shape == (2,)


@pytest.mark.parametrize("size", [9, 4, 132, 0, -8])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValidationError, match=r"multiple of 4|greater than or equal to 8|less than 129"):
        TypeAdapter(ImageSize).validate_python(size)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_depth_is_how_often_the_size_is_halved_or_doubled(depth):
    D, G = discriminator(D={"depth": depth}), generator(G={"depth": depth})
    halved = [(8 >> i, 8 >> (i + 1)) for i in range(depth)]
    assert map_sizes(D, torch.randn(2, 1, 8, 8)) == halved
    assert map_sizes(G, torch.randn(2, 6)) == [(after, before) for before, after in reversed(halved)]
    assert [layer.out_channels for layer in convolutions(D)] == [4 * 2**i for i in range(depth)]
    assert [layer.in_channels for layer in convolutions(G)] == [4 * 2**i for i in reversed(range(depth))]


def test_pooling_takes_the_mean_of_four_after_a_convolution():
    D, given = discriminator(D={"down": "pool", "act": "none"}).double(), torch.randn(3, 1, 8, 8, dtype=torch.float64)
    assert map_sizes(D, given) == [(8, 8), (4, 4)]
    x = given
    for layer in convolutions(D):
        x = F.conv2d(x, layer.weight, layer.bias, padding=1).unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    torch.testing.assert_close(D(given), D.score(x.flatten(1)).squeeze(1).float())


def test_a_dense_layer_stands_between_the_features_and_the_score():
    D, x = discriminator(D={"hidden": 5}).double(), torch.randn(3, 1, 8, 8, dtype=torch.float64)
    dense, _ = D.dense
    assert (dense.in_features, dense.out_features, D.score.in_features) == (8 * 2 * 2, 5, 5)
    features = F.leaky_relu(F.linear(D.layers(x), dense.weight, dense.bias), 0.2)
    torch.testing.assert_close(D.features(x), features.float())
    torch.testing.assert_close(D(x), D.score(features).squeeze(1).float())


@pytest.mark.parametrize("size", [8, 28])
def test_the_pyramid_is_the_sum_of_two_scales(size):
    """With the other half of the score's weights zero, each is a discriminator of its own scale."""
    D = discriminator((1, size, size), D={"body": "pyramid"}).double()
    x = torch.randn(4, 1, size, size, dtype=torch.float64)
    features, weight, bias = D.layers(x).shape[1], D.score.weight.detach().clone(), D.score.bias.detach()
    scores = []
    for is_full in (True, False):
        of_full = torch.arange(weight.shape[1]) < features
        D.score.weight.data = weight * (of_full if is_full else ~of_full)
        scores.append(D(x))
        own = D.layers(x) if is_full else D.half_layers(F.avg_pool2d(x, 2))
        kept = weight[:, of_full if is_full else ~of_full]
        torch.testing.assert_close(scores[-1], (own @ kept.T + bias).squeeze(1).float())
    D.score.weight.data = weight
    torch.testing.assert_close(D(x), scores[0] + scores[1] - bias.float())


def test_the_small_scale_of_the_pyramid_sees_nothing_below_two_pixels():
    D, x = discriminator(D={"body": "pyramid"}), torch.randn(4, 1, 8, 8)
    checked = x + torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4)  # of mean 0 in every 2x2 block
    full, half = (D.layers(checked) - D.layers(x), D.half_layers(F.avg_pool2d(checked - x, 2)))
    assert full.abs().max() > 1e-3
    torch.testing.assert_close(half, D.half_layers(torch.zeros(4, 1, 4, 4)))


@pytest.mark.parametrize("depth", [1, 3, None])
def test_a_multilayer_perceptron_has_layers_of_equal_width(depth):
    block = {"body": "mlp", "width": 7} | ({"depth": depth} if depth else {})
    G, D = generator((3, 8, 8), G=block), discriminator((3, 8, 8), D=block)
    layers = [[m for m in network.modules() if isinstance(m, nn.Linear)] for network in (G, D)]
    widths = [[layers[0].in_features, *(layer.out_features for layer in layers)] for layers in layers]
    assert widths == [[6, *[7] * (depth or 2), 3 * 8 * 8], [3 * 8 * 8, *[7] * (depth or 2), 1]]
    images = G(torch.randn(5, 6))
    assert images.shape == (5, 3, 8, 8) and D(images).shape == (5,)


def test_a_multilayer_perceptron_is_its_products_in_turn():
    D = discriminator(D={"body": "mlp", "act": "tanh"}).double()
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    y = x.flatten(1)
    for layer in (D.layers[1], D.layers[3]):
        y = torch.tanh(y @ layer.weight.T + layer.bias)
    torch.testing.assert_close(D(x), (y @ D.score.weight.T + D.score.bias).squeeze(1).float())
    G, z = generator(G={"body": "mlp", "norm": "none"}).double(), torch.randn(3, 6, dtype=torch.float64)
    y = F.relu(G.layers[1](F.relu(G.project(z))))
    torch.testing.assert_close(G(z), torch.tanh(G.layers[3](y)).view(3, 1, 8, 8).float())


@pytest.mark.parametrize("body", ["dcgan", "mlp", "pyramid"])
def test_d_has_a_plane_of_ones_at_the_class_of_its_sample_and_scores_by_it(body):
    D, seen = discriminator((3, 8, 8), classes=4, D={"body": body}), []
    D.layers[0].register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    D.labels, x = torch.tensor([2, 0, 3]), torch.randn(3, 3, 8, 8)
    first = D(x)
    assert torch.equal(seen[0][:, :3], x)
    planes = F.one_hot(D.labels, 4).float()[:, :, None, None].expand(-1, -1, 8, 8)
    assert torch.equal(seen[0][:, 3:], planes)
    D.labels = torch.tensor([2, 1, 3])
    assert (D(x) != first).tolist() == [False, True, False]


def test_twice_as_many_samples_have_the_same_classes_again():
    D, x = discriminator(classes=4), torch.randn(6, 1, 8, 8)
    D.labels = torch.tensor([2, 0, 3])
    together = D(x)
    torch.testing.assert_close(together, torch.cat([D(x[:3]), D(x[3:])]))
    D.labels = D.labels.repeat(2)
    assert torch.equal(D(x), together)


@pytest.mark.parametrize("body", ["dcgan", "mlp", "pyramid"])
@pytest.mark.parametrize("hidden", [0, 5])
def test_heads_are_linear_in_the_features_that_the_score_is_computed_from(body, hidden):
    D, x = discriminator(heads={"class": 3, "code": 2}, D={"body": body, "hidden": hidden}), torch.randn(4, 1, 8, 8)
    features = D.features(x)
    torch.testing.assert_close(D(x), D.score(features).squeeze(1))
    for name, units in (("class", 3), ("code", 2)):
        assert D.head(name, x).shape == (4, units)
        torch.testing.assert_close(D.head(name, x), D.heads[name](features))


@pytest.mark.parametrize(("size", "G", "D"), [(8, 2, 2), (28, 3, 2), (32, 3, 3), (44, 4, 2), (60, 4, 2), (64, 4, 4)])
def test_without_a_depth_it_follows_from_the_size(size, G, D):
    networks = blocks(size)
    assert (networks.G.depth, networks.D.depth) == (G, D)


def test_with_batch_norm_d_sees_real_and_generated_samples_apart():
    """G's step shows it generated samples alone: their scores must not depend on real ones in D's step."""
    b, other = batch(n=6), batch(n=6, seed=1)
    for norm, tied in (("batch", True), ("layer", False)):
        D = discriminator(D={"norm": norm})
        real, fake = scores(D, b)
        _, again = scores(D, replace(b, real=other.real))
        torch.testing.assert_close(fake, again)
        joint = D(torch.cat([b.real, b.fake]))
        assert torch.allclose(joint, torch.cat([real, fake]), atol=1e-6) != tied


@pytest.mark.parametrize("size", [12, 20, 28])
@pytest.mark.parametrize("body", ["dcgan", "pyramid"])
def test_narrow_layers_on_odd_maps_are_computed_too(size, body):
    """A depth of three halves odd maps as well; few channels make the fast convolutions look at them."""
    D, x = discriminator((1, size, size), D={"width": 1, "depth": 3, "body": body}), torch.randn(2, 1, size, size)
    with fast_convolutions(x.device):
        found = D(x)
    torch.testing.assert_close(found, D(x))


def test_with_batch_norm_the_profile_looks_at_each_mixture_by_itself():
    D, b = discriminator(D={"norm": "batch"}), batch(n=6)
    found = gradient_profile(D, b)
    for a in PROFILE_WEIGHTS:
        alone = gradient_norm(D, interpolate(b.real, b.fake, a), differentiable=False).mean()
        torch.testing.assert_close(found[f"profile_{a:.2f}"], alone)


@pytest.mark.parametrize(("norm", "at", "has_bias"), [
    ("batch", "before", False), ("batch", "after", True), ("none", "before", True), ("spectral", "before", True),
])  # fmt: skip
def test_a_layer_has_a_bias_unless_a_norm_takes_it_away(norm, at, has_bias):
    first, second = convolutions(discriminator(D={"norm": norm, "norm_at": at}))
    assert first.bias is not None and (second.bias is not None) == has_bias


def numbers(values) -> int:
    return sum(value.numel() for value in values)


def test_a_layer_has_as_many_weights_as_the_tutorials():
    """To 64 maps, biases included: 3x3 of a colour image, 4x4 of one either way, 3x3 with batch normalisation.

    A normalisation has two weights and two stored statistics a map, and the latter are not trained.
    """
    layers = [convolutions(discriminator((3, 8, 8), D={"width": 64, "down": down}))[0] for down in ("pool", "stride")]
    pooled, strided = (numbers(layer.parameters()) for layer in layers)
    transposed = nn.ConvTranspose2d(3, 64, *doubling_convolution(8))
    assert (pooled, strided, numbers(transposed.parameters())) == (1792, 3136, 3136)
    last = convolutions(generator((3, 8, 8), G={"width": 64}))[-1]
    assert numbers([last.weight]) == numbers([transposed.weight])
    norm = BatchNorm(64)
    assert numbers(norm.buffers()) == 128
    assert pooled + numbers(norm.parameters()) + numbers(norm.buffers()) == 2048
