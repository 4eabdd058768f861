"""The networks: shapes that fit, initial weights, and normalisation that leaves training alone."""

import pytest
import torch
from safetensors.torch import save_file
from small_networks import blocks, discriminator, generator

from ganspeed.networks.generator import load_generator, measure_statistics
from ganspeed.networks.layers import BatchNorm, LeakyReLU


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_images_are_in_range_and_scores_are_one_a_sample(shape, hidden):
    images = generator(shape)(torch.randn(5, 6))
    assert images.shape == (5, *shape)
    assert images.abs().max() <= 1
    assert discriminator(shape, D={"hidden": hidden})(images).shape == (5,)


def test_the_discriminator_scores_each_sample_by_itself():
    D = discriminator()
    x = torch.rand(6, 1, 8, 8)
    torch.testing.assert_close(D(x)[:2], D(x[:2]))


@pytest.mark.parametrize("hidden", [0, 8])
def test_only_a_hidden_layer_tells_whether_distant_parts_fit_together(hidden):
    """Without one, the score of a 64x64 image is a sum over parts: adding a part changes it alike in any company."""
    D = discriminator((1, 64, 64), D={"hidden": hidden}).double()
    for weight in D.parameters():
        weight.data *= 20  # far from the origin, where a network of nearly zero weights is nearly linear
    corner, opposite = torch.zeros(2, 1, 1, 64, 64, dtype=torch.float64).unbind()
    corner[..., :8, :8], opposite[..., -8:, -8:] = 1, -1
    together = D(corner + opposite) - D(corner)
    alone = D(opposite) - D(torch.zeros_like(corner))
    assert torch.allclose(together, alone) == (hidden == 0)


def test_the_discriminator_returns_logits_not_probabilities():
    D = discriminator()
    assert (D(torch.randn(64, 1, 8, 8) * 100) < 0).any() or (D(torch.randn(64, 1, 8, 8) * 100) > 1).any()


def test_leaky_relu_is_torchs_and_its_derivative_leads_nowhere():
    """A penalty on the gradient would otherwise send zeros backwards through all of D."""
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], dtype=torch.float64, requires_grad=True)
    ours, torchs = LeakyReLU(0.2)(x), torch.nn.functional.leaky_relu(x, 0.2)
    assert torch.equal(ours, torchs)
    gradients = [torch.autograd.grad(y.square().sum(), x, create_graph=True)[0] for y in (ours, torchs)]
    assert torch.equal(*gradients)
    assert torch.equal(*(torch.autograd.grad(gradient.square().sum(), x)[0] for gradient in gradients))
    (slope,) = torch.autograd.grad(LeakyReLU(0.2)(x).sum(), x, create_graph=True)
    assert not slope.requires_grad


def test_initial_weights_are_those_of_dcgan():
    D = discriminator((3, 64, 64), D={"width": 32})
    weights = torch.cat([p.flatten() for name, p in D.named_parameters() if name.endswith("weight")])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert weights.mean().item() == pytest.approx(0, abs=1e-3)
    assert all((p == 0).all() for name, p in D.named_parameters() if name.endswith("bias"))


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    a, b, c = (generator(seed=s).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["project.weight"], c["project.weight"])


def test_measuring_statistics_changes_nothing_in_training():
    G = generator()
    z = torch.randn(16, 6)
    before = G(z)
    measure_statistics(G, torch.randn(64, 6))
    assert torch.equal(G(z), before)


def test_a_snapshot_samples_by_the_statistics_of_its_fixed_batch(tmp_path):
    """In evaluation a batch equal to the fixed one is normalised as in training, and a sample alone like in company."""
    G, z = generator(), torch.randn(256, 6)
    measure_statistics(G, z)
    in_training = G(z)
    save_file(G.state_dict(), tmp_path / "0.safetensors")
    loaded = load_generator(tmp_path / "0.safetensors", blocks(), (1, 8, 8), inputs=6)
    torch.testing.assert_close(loaded(z), in_training, atol=2e-3, rtol=1e-2)  # n against n - 1 in the variance
    torch.testing.assert_close(loaded(z[:1]), loaded(z)[:1])


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        *(((1, 8, 8), {}), ((1, 28, 28), {}), ((3, 32, 32), {}), ((3, 64, 64), {})),
        *(((1, 8, 8), {"body": "mlp"}), ((1, 8, 8), {"body": "mlp", "depth": 1}), ((1, 8, 8), {"dropout": 0.5})),
    ],
)
def test_a_folded_generator_makes_the_same_images(shape, block):
    G, z = generator(shape, G=block), torch.randn(5, 6)
    for norm in (layer for layer in G.modules() if isinstance(layer, BatchNorm)):
        torch.nn.init.normal_(norm.bias)  # 0 at the start
    measure_statistics(G, torch.randn(64, 6))
    images = G.eval()(z)
    G.fold()
    assert not [layer for layer in G.modules() if isinstance(layer, BatchNorm)]
    torch.testing.assert_close(G(z), images, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("body", ["dcgan", "mlp"])
def test_a_normalisation_behind_an_activation_is_not_folded(body):
    G, z = generator(G={"norm_at": "after", "body": body}), torch.randn(5, 6)
    measure_statistics(G, torch.randn(64, 6))
    images = G.eval()(z)
    G.fold()
    assert len([layer for layer in G.modules() if isinstance(layer, BatchNorm)]) == 2
    assert torch.equal(G(z), images)
