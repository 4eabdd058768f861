"""Probes: what a pair of networks does, as numbers that a diagnosis reads. Functions of tensors and callables alone.

They fit any pair of PyTorch modules: G maps z (N, ...) to images (N, C, H, W) or (N, F), D images to scores (N,) or
(N, 1). Images are as D is shown them. Each result is a scalar, NaN where its question has no answer. They draw nothing
and change nothing. Those of scores, images and weights are traced by engines; `bend`, `cosine` and `fake_term_moved`
copy modules or call autograd and are for eager use. The names of history.csv are these with `probe/` before them.
"""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

PAIRED_SAMPLES = 16  # samples of a batch between which distances are measured
RANGE_MARGIN = 0.02  # beyond the generated values' range that a real value still counts as inside
END_SHARE = 0.01  # of the attained range: the values that count as at its ends
SMALL_WEIGHT = 1e-3
STEP_LENGTH = 0.01  # of `fake_term_moved`'s step, over the norm of D's weights


def score_probes(real: Tensor, fake: Tensor, held_out: Tensor | None = None) -> dict[str, Tensor]:
    """Means, extremes and AUC of D's scores of a batch, and their mean on images that no step is made with.

    real: (N,) or (N, 1), fake and held_out alike, of any sizes. `auc` is the probability that D scores a real image
    above a generated one, ties half: 0.5 where it cannot tell them apart.
    """
    real, fake = real.flatten(), fake.flatten()
    both, above = torch.cat([real, fake]), torch.sign(real[:, None] - fake)
    found = {"score_real": real.mean(), "score_fake": fake.mean()}
    if held_out is not None:
        found["score_held_out"] = held_out.mean()
    return found | {"score_lowest": both.amin(), "score_highest": both.amax(), "auc": (above.mean() + 1) / 2}


def image_probes(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Whether generated images can cover the real ones' values, and how different they are. real, fake: (N, ...).

    `out_of_range`: share of the real values more than RANGE_MARGIN outside the generated ones' range. `distance_real`,
    `distance_fake`: mean distance between pairs of the first PAIRED_SAMPLES images, as a root mean square over values.
    """
    lowest, highest = fake.amin(), fake.amax()
    outside = (real < lowest - RANGE_MARGIN) | (real > highest + RANGE_MARGIN)
    return {
        "out_of_range": outside.float().mean(),
        "distance_real": mean_distance(real[:PAIRED_SAMPLES]),
        "distance_fake": mean_distance(fake[:PAIRED_SAMPLES]),
    }


def mean_distance(images: Tensor) -> Tensor:
    """Mean over pairs of images (N, ...) of the root mean square of their difference; NaN for fewer than two."""
    flat, n = images.flatten(1), len(images)
    return (flat[:, None] - flat).square().mean(2).sqrt().sum() / (n * (n - 1))


def moved(weights: Iterable[Tensor], initial: Iterable[Tensor]) -> Tensor:
    """Norm of the way of all weights from their initial values, over the norm of these. Both in the same order."""
    now, first = flat_vector(weights), flat_vector(initial)
    return (now - first).norm() / first.norm()


def small_weights(weights: Iterable[Tensor]) -> Tensor:
    """Share of weights whose absolute value is below SMALL_WEIGHT."""
    return (flat_vector(weights).abs() < SMALL_WEIGHT).float().mean()


def flat_vector(tensors: Iterable[Tensor]) -> Tensor:
    """All of their values, (n,), without a graph."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def saturated(fake: Tensor) -> Tensor:
    """Share of generated values at the ends of the range that they attain, within END_SHARE of it. fake: (N, ...)."""
    lowest, highest = fake.aminmax()
    margin = END_SHARE * (highest - lowest)
    return ((fake <= lowest + margin) | (fake >= highest - margin)).float().mean()


@torch.no_grad()
def bend(network: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """How far a network is from an affine function, before its output function: about 0 for one without activations.

    Median over pairs of |f((a + b) / 2) - (f(a) + f(b)) / 2| over the standard deviation of f, both as a root mean
    square over the outputs; in float64, on a copy in evaluation mode, so that batch normalisation is affine too.
    a, b: inputs (N, ...) of the network.
    """
    if not len(a):
        return torch.full((), torch.nan)
    f = BeforeOutput(copy.deepcopy(network).double().eval())
    a, b = a.double(), b.double()
    f_a, f_b, f_mean = (f(x) for x in (a, b, (a + b) / 2))
    sd = torch.cat([f_a, f_b]).var(0).mean().sqrt()
    return ((f_mean - (f_a + f_b) / 2).square().mean(1).sqrt() / sd).median()


class BeforeOutput:
    """A network without the function at its end: its last tanh, sigmoid or cast after which no layer of weights comes.

    Called with its input, it returns what that function was applied to, (N, F); with none, the network's output.
    """

    def __init__(self, network: nn.Module):
        self.network = network

    def __call__(self, x: Tensor) -> Tensor:
        with _Watch() as watch:
            output = self.network(x)
        found = output if watch.found is None else watch.found
        return found.reshape(len(x), -1)


class _Watch(TorchDispatchMode):
    """Remembers the input of the first output function after the last layer of weights."""

    found: Tensor | None = None

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        name = function.overloadpacket
        if name in LAYERS:
            self.found = None
        elif name in OUTPUT_FUNCTIONS and self.found is None:
            self.found = arguments[0]
        return function(*arguments, **(keywords or {}))


_aten = torch.ops.aten
LAYERS = {_aten.mm, _aten.addmm, _aten.bmm, _aten.baddbmm, _aten.convolution}
OUTPUT_FUNCTIONS = {_aten.tanh, _aten.sigmoid, _aten._to_copy}


def cosine(d_loss: Callable[[Tensor], Tensor], g_loss: Callable[[Tensor], Tensor], fake: Tensor) -> Tensor:
    """Cosine between the gradients of D's and of G's loss by the generated images: -1 where they are opponents.

    d_loss, g_loss: images (N, ...) → a scalar. NaN where a loss does not depend on the images.
    """
    fake = fake.detach().requires_grad_()
    return gradient_cosine(d_loss(fake), g_loss(fake), fake)


def gradient_cosine(d_loss: Tensor, g_loss: Tensor, fake: Tensor) -> Tensor:
    """As `cosine`, of losses that were computed of these images already."""
    d, g = (_gradient(loss, [fake]) for loss in (d_loss, g_loss))
    return (d * g).sum() / (d.norm() * g.norm())


def fake_term_moved(
    D: nn.Module, d_loss: Callable[[nn.Module], Tensor], judged: Callable[[nn.Module], Tensor]
) -> Tensor:
    """Relative change of how generated images are judged by a short step of D down the gradient of its loss.

    d_loss: a discriminator → the scalar that D minimises; judged: a discriminator → its scores of generated images, or
    G's loss. The step is made on a copy, STEP_LENGTH times the norm of the weights long. 0 where D's step does not
    reach the one that judges, such as another network than D; NaN where the loss or the judgement is flat.
    """
    D = copy.deepcopy(D)
    weights = [weight.requires_grad_() for weight in D.parameters()]
    down = _gradient(d_loss(D), weights)
    before = judged(D)
    reached = [part for part in _gradients(before, weights) if part is not None]
    if not reached:
        return torch.zeros((), device=before.device)
    if not flat_vector(reached).norm():
        return torch.full((), torch.nan, device=before.device)
    with torch.no_grad():
        step = STEP_LENGTH * flat_vector(weights).norm() / down.norm() * down
        for weight, part in zip(weights, step.split([weight.numel() for weight in weights]), strict=True):
            weight.sub_(part.view_as(weight))
        return (judged(D).mean() - before.mean()).abs() / before.abs().mean()


def _gradient(loss: Tensor, inputs: list[Tensor]) -> Tensor:
    """The gradient of a loss by all inputs as a vector (n,), zeros where it does not depend on them."""
    parts = zip(inputs, _gradients(loss, inputs), strict=True)
    return flat_vector(torch.zeros_like(x) if part is None else part for x, part in parts)


def _gradients(loss: Tensor, inputs: list[Tensor]) -> tuple[Tensor | None, ...]:
    if not loss.requires_grad:
        return (None,) * len(inputs)
    return torch.autograd.grad(loss.sum(), inputs, allow_unused=True, retain_graph=True)
