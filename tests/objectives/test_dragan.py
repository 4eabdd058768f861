"""DRAGAN in closed form, on a batch whose noise is made here."""

from dataclasses import replace

import pytest
import torch
from closed_forms import Linear, Quadratic, batch, gaps, make
from shipped_blocks import toy_networks

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.layers import initialise
from ganspeed.objectives import Batch
from ganspeed.objectives.dragan import DRAGAN


def noisy(n: int = 6, shape=(1, 8, 8)) -> Batch:
    drawn = torch.randn(n, *shape, generator=torch.Generator().manual_seed(2))
    return replace(batch(n=n, shape=shape), draws={"noise": drawn})


def dragan(**changes) -> DRAGAN:
    return DRAGAN(**({"n_critic": 1, "lambda_gp": 10.0, "scale": 0.5} | changes))


def test_it_asks_for_noise_of_an_images_shape():
    assert DRAGAN.draws == {"noise": "image"}


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 4, 16)])
def test_the_penalty_of_a_linear_discriminator(shape):
    """λ (||w|| - 1)², and its derivative 2 λ (||w|| - 1) w / ||w||, whatever the noise."""
    D = Linear(torch.randn(*shape, generator=torch.Generator().manual_seed(1)))
    terms = dragan().discriminator_terms(D, noisy(shape=shape))
    norm = D.w.norm()
    torch.testing.assert_close(terms.loss["penalty"], 10 * (norm - 1) ** 2)
    assert terms.diagnostics["grad_norm"].item() == pytest.approx(norm.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(terms.loss["penalty"], D.w)
    torch.testing.assert_close(gradient, 20 * (norm - 1) * D.w / norm, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_the_gradient_is_that_at_real_samples_with_noise(scale):
    """Of D = a/2 ||x||²: λ mean (a ||x + scale noise|| - 1)²; generated samples have no part in it."""
    b = noisy()
    found = dragan(scale=scale).discriminator_terms(Quadratic(0.3), b)
    norms = (b.real + scale * b.draws["noise"]).flatten(1).norm(dim=1)
    torch.testing.assert_close(found.loss["penalty"], 10 * (0.3 * norms - 1).square().mean())
    other = dragan(scale=scale).discriminator_terms(Quadratic(0.3), replace(b, fake=0 * b.fake))
    assert torch.equal(other.loss["penalty"], found.loss["penalty"])


def test_the_game_is_that_of_gan(document):
    b, D, gan = noisy(), Linear(torch.linspace(-0.3, 0.5, 64).view(1, 8, 8)), make("gan", document)
    ours, theirs = dragan().discriminator_terms(D, b), gan.discriminator_terms(D, b)
    assert {name: ours.loss[name] for name in ("real", "fake")} == theirs.loss and ours.gap == theirs.gap
    assert dragan().generator_terms(D, b).loss == gan.generator_terms(D, b).loss


def test_the_penalty_is_float32_in_the_midst_of_bfloat16():
    D, b = new_discriminator(toy_networks(), (1, 8, 8)), noisy()
    initialise(D, torch.Generator().manual_seed(0))
    whole = dragan().discriminator_terms(D, b)
    with torch.autocast("cpu", torch.bfloat16):
        lower = dragan().discriminator_terms(D, b)
    assert torch.equal(lower.loss["penalty"], whole.loss["penalty"]) and not torch.equal(lower.gap, whole.gap)


def test_each_player_moves_the_gap_its_way():
    before, after_g, after_d = gaps(dragan(lambda_gp=1e-9), noisy(n=32))
    assert after_g < before < after_d


def test_a_discriminator_with_batch_norm_is_refused():
    with pytest.raises(TypeError, match="layer 0: BatchNorm2d ties samples together, but DRAGAN penalises"):
        dragan().check_discriminator(torch.nn.Sequential(torch.nn.BatchNorm2d(1)))
