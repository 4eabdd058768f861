"""Each layer that a block may ask for, in closed form: normalisations, dropout, activations, initial weights."""

import math
from itertools import pairwise, product

import pytest
import torch
from small_networks import discriminator, generator
from torch import nn
from torch.nn import functional as F

from ganspeed.networks.generator import measure_statistics
from ganspeed.networks.layers import (
    BatchNorm,
    Dropout,
    SampleNorm,
    activation,
    cycled,
    normalisation,
    output_function,
)


def seeded(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1


def sample_norm(over: str, channels: int = 3) -> SampleNorm:
    """With a scale and a shift for each channel that are not those of the start."""
    layer = SampleNorm(channels, over).double()
    layer.weight.data, layer.bias.data = seeded(channels), seeded(channels) - 2
    return layer


def test_layer_normalisation_is_torchs_over_images_and_over_features():
    layer, images, features = sample_norm("layer"), seeded(4, 3, 5, 5), seeded(4, 3)
    torch.testing.assert_close(layer(images), F.group_norm(images, 1, layer.weight, layer.bias))
    torch.testing.assert_close(layer(features), F.layer_norm(features, (3,), layer.weight, layer.bias))


def test_instance_normalisation_is_torchs():
    layer, images = sample_norm("instance"), seeded(4, 3, 5, 5)
    torch.testing.assert_close(layer(images), F.instance_norm(images, weight=layer.weight, bias=layer.bias))
    torch.testing.assert_close(layer(images), F.group_norm(images, 3, layer.weight, layer.bias))


@pytest.mark.parametrize("over", ["layer", "instance"])
def test_a_normalisation_of_half_precision_entries_is_computed_in_single(over):
    layer, x = sample_norm(over).float(), (seeded(4, 3, 5, 5) + 100).bfloat16()
    assert torch.equal(layer(x), layer(x.float()))


BODIES, PER_SAMPLE = ("dcgan", "mlp", "pyramid"), ("none", "layer", "instance", "spectral")


# Not instance normalisation of an mlp, which the check refuses: a unit is a feature map of one position.
@pytest.mark.parametrize(("body", "norm"), sorted(set(product(BODIES, PER_SAMPLE)) - {("mlp", "instance")}))
def test_every_norm_of_d_but_batch_scores_a_sample_by_itself(body, norm):
    D, x = discriminator(D={"norm": norm, "body": body}).double(), seeded(6, 1, 8, 8)
    torch.testing.assert_close(D(x)[:2], D(x[:2]))


@pytest.mark.parametrize("body", BODIES)
def test_batch_normalisation_of_d_ties_samples_together(body):
    D, x = discriminator((1, 16, 16), D={"norm": "batch", "body": body}).double(), seeded(6, 1, 16, 16)
    assert not torch.allclose(D(x)[:2], D(x[:2]))


@pytest.mark.parametrize("norm_at", ["before", "after"])
def test_a_normalisation_stands_before_or_after_the_activation(norm_at):
    kinds = [type(layer) for layer in generator(G={"norm_at": norm_at}).layers]
    order = (BatchNorm, nn.ReLU) if norm_at == "before" else (nn.ReLU, BatchNorm)
    assert order in pairwise(kinds) and order[::-1] not in pairwise(kinds[:2])
    biases = [layer.bias is not None for layer in generator(G={"norm_at": norm_at}).modules() if is_weighted(layer)]
    assert biases == [norm_at == "after"] * (len(biases) - 1) + [True]


def is_weighted(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear | nn.ConvTranspose2d | nn.Conv2d)


def dropout(rate: float, uniform: torch.Tensor) -> Dropout:
    layer = Dropout(rate, tuple(uniform.shape[1:]))
    layer.uniform = uniform
    return layer


def test_dropout_zeroes_what_was_drawn_below_the_rate_and_scales_the_rest():
    uniform = torch.tensor([[0.0, 0.24, 0.25, 0.9], [0.5, 0.1, 0.99, 0.2]])
    layer, x = dropout(0.25, uniform), torch.full((2, 4), 3.0)
    assert torch.equal(layer(x), torch.tensor([[0.0, 0.0, 4.0, 4.0], [4.0, 0.0, 4.0, 0.0]]))
    assert torch.equal(layer.eval()(x), x)


def test_dropout_has_the_rate_and_the_mean_that_it_promises():
    uniform = torch.rand(200, 500, generator=torch.Generator().manual_seed(0))
    kept = dropout(0.3, uniform)(torch.ones(200, 500))
    assert (kept == 0).double().mean().item() == pytest.approx(0.3, abs=0.005)
    assert kept.mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("n", "taken"), [(3, [0, 1, 2]), (6, [0, 1, 2, 0, 1, 2]), (2, [0, 1]), (5, [0, 1, 2, 0, 1])])
def test_another_number_of_samples_takes_draws_from_the_start_again(n, taken):
    uniform = torch.rand(3, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(cycled(uniform, n), uniform[taken])
    assert torch.equal(dropout(0.5, uniform)(torch.ones(n, 7)), 2.0 * (uniform[taken] >= 0.5))


def test_statistics_of_a_snapshot_are_measured_without_dropout():
    """Both normalisations then see in sampling what they were measured on: standardised entries."""
    G, z = generator(G={"dropout": 0.5}), torch.randn(512, 6, generator=torch.Generator().manual_seed(0))
    measure_statistics(G, z)
    assert G.training and all(module.training for module in G.modules())
    seen = {}
    for name, norm in G.named_modules():
        if isinstance(norm, BatchNorm):
            norm.weight.data.fill_(1)
            norm.register_forward_hook(lambda layer, x, y, name=name: seen.update({name: y}))
    measure_statistics(G, z)
    G.eval()(z)
    assert len(seen) == 2
    for name, y in seen.items():
        assert y.std().item() == pytest.approx(1, abs=0.02), name
        assert y.mean().item() == pytest.approx(0, abs=0.02), name


@pytest.mark.parametrize("player", ["G", "D"])
def test_without_activations_a_network_is_affine(player):
    plain = {"act": "none", "norm": "none"}
    network, shape = {
        "G": (generator(G=plain | {"output": "none"}), (6,)),
        "D": (discriminator(D=plain | {"hidden": 5}), (1, 8, 8)),
    }[player]
    network.double()
    a, b = seeded(2, 3, *shape).unbind()
    torch.testing.assert_close(network((a + b) / 2), (network(a) + network(b)) / 2)


@pytest.mark.parametrize(
    ("name", "function"), [("relu", F.relu), ("tanh", torch.tanh), ("leaky", lambda x: F.leaky_relu(x, 0.2))]
)
def test_an_activation_is_the_function_of_its_name(name, function):
    D, x = discriminator(D={"act": name, "depth": 1}).double(), seeded(3, 1, 8, 8)
    maps = function(D.layers[0](x)).flatten(1)
    torch.testing.assert_close(D(x), (maps @ D.score.weight.T + D.score.bias).squeeze(1).float())


@pytest.mark.parametrize(
    ("name", "function"), [("none", lambda x: x), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)]
)
def test_an_output_function_is_the_one_of_its_name(name, function):
    plain, other = (discriminator(D={"output": output}) for output in ("none", name))
    x = seeded(3, 1, 8, 8).float() * 50
    torch.testing.assert_close(other(x), function(plain(x)))
    z, plain, other = torch.randn(3, 6) * 9, generator(G={"output": "none"}), generator(G={"output": name})
    torch.testing.assert_close(other(z), function(plain(z)))


@pytest.mark.parametrize("player", ["G", "D"])
def test_xavier_gives_each_weight_the_variance_of_glorot_and_bengio(player):
    make = generator if player == "G" else discriminator
    network = make((3, 32, 32), init="xavier", **{player: {"width": 32}})
    for layer in filter(is_weighted, network.modules()):
        taps = layer.weight[0, 0].numel()
        fans = taps * (layer.weight.shape[0] + layer.weight.shape[1])
        bound = math.sqrt(6 / fans)
        assert layer.weight.abs().max() <= bound
        if layer.weight.numel() > 2000:
            assert layer.weight.var().item() == pytest.approx(2 / fans, rel=0.1)
        assert layer.bias is None or (layer.bias == 0).all()


@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_normal_weights_have_the_standard_deviation_of_the_block(sigma):
    for network in (generator((3, 32, 32), init={"normal": sigma}), discriminator((3, 32, 32), init={"normal": sigma})):
        weights = torch.cat([layer.weight.flatten() for layer in network.modules() if is_weighted(layer)])
        assert weights.std().item() == pytest.approx(sigma, rel=0.05)
        assert weights.mean().item() == pytest.approx(0, abs=sigma / 10)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance"])
def test_weights_of_a_normalisation_begin_around_1(norm):
    G = generator((1, 32, 32), G={"norm": norm, "width": 64}, init="xavier")
    scales = torch.cat([m.weight for m in G.modules() if isinstance(m, BatchNorm | SampleNorm)])
    assert (scales.mean().item(), scales.std().item()) == (pytest.approx(1, abs=0.01), pytest.approx(0.02, rel=0.2))


def test_what_no_layer_is_called_is_an_error_of_its_name():
    for make in (activation, lambda name: normalisation(name, 1), output_function):
        with pytest.raises(ValueError, match="unknown .* 'selu'"):
            make("selu")
