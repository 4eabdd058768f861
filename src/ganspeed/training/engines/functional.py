"""One lane's critic step, generator step and gradient profile as functions of tensors: training without a state.

A network's weights are one vector (n,), so that an optimiser's step is a handful of operations. Nothing is computed
that is not used: no graph of G in a critic step, no gradient of D's weights in a generator step.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ganspeed.objectives import Batch, Objective
from ganspeed.training.history import gradient_profile

EPSILON = 1e-8  # torch's, of both optimisers
MOMENTS = {"adam": ("exp_avg", "exp_avg_sq"), "rmsprop": ("square_avg",)}  # torch's names

Moments = dict[str, Tensor]  # (n,) each
Buffers = dict[str, Tensor]  # an objective's state
Draw = tuple[Tensor, Tensor, Tensor, Tensor]  # real, z, u and labels of a Batch
StepScalars = tuple[Tensor, ...]  # learning rate, and Adam's corrections of its first and second moment; scalars


class FlatParameters:
    """The weights of a network as one vector (n,)."""

    def __init__(self, network: nn.Module):
        self.network = network
        self.shapes = {name: weight.shape for name, weight in network.named_parameters()}

    def vector(self, tensors: Iterable[Tensor]) -> Tensor:
        """One tensor for each of the network's weights, in their order, as a vector."""
        return torch.cat([tensor.detach().flatten() for tensor in tensors])

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """Name → view of the vector."""
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def at(self, vector: Tensor) -> "BoundNetwork":
        return BoundNetwork(self.network, self.named(vector))


@dataclass(frozen=True)
class BoundNetwork:
    """A network with these weights instead of its own: what an objective takes for D."""

    network: nn.Module
    weights: dict[str, Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return functional_call(self.network, self.weights, (x,))

    def parameters(self) -> Iterable[Tensor]:
        return self.weights.values()


class _MethodCall(nn.Module):
    """An objective whose methods are called through `forward`, as functional_call wants it."""

    def __init__(self, objective: Objective):
        super().__init__()
        self.objective = objective

    def forward(self, method: str, *arguments):
        return getattr(self.objective, method)(*arguments)


@dataclass(frozen=True)
class Steps:
    """Both steps of one variant."""

    G: FlatParameters
    D: FlatParameters
    objective: Objective
    optimizer: dict  # the variant's block

    def critic(self, g: Tensor, d: Tensor, moments: Moments, state: Buffers, draw: Draw, rate: StepScalars) -> tuple:
        """D's weights, moments and the objective's state after a step; its loss, the parts of its Terms, the fakes."""
        real, z, u, labels = draw
        batch = Batch(real, self.G.at(g)(z), z, u, labels)

        def loss(d: Tensor):
            terms, after = self._ask(state, "discriminator_terms", self.D.at(d), batch)
            total = terms.total()
            return total, (total, (terms.loss, terms.diagnostics, terms.gap), after)

        gradient, (total, terms, state) = grad(loss, has_aux=True)(d)
        d, moments = self._optimise(d, gradient, moments, rate)
        d = d.clone()
        _, state = self._ask(state, "after_discriminator_step", self.D.at(d))  # may clip d in place
        return d, moments, state, total, terms, batch.fake

    def generator(self, g: Tensor, d: Tensor, moments: Moments, state: Buffers, draw: Draw, rate: StepScalars) -> tuple:
        """G's weights and moments after a step; its loss, and the loss of its Terms."""
        real, z, u, labels = draw

        def loss(g: Tensor):
            batch = Batch(real, self.G.at(g)(z), z, u, labels)
            terms, _ = self._ask(state, "generator_terms", self.D.at(d), batch)
            total = terms.total()
            return total, (total, terms.loss)

        gradient, (total, terms) = grad(loss, has_aux=True)(g)
        return *self._optimise(g, gradient, moments, rate), total, terms

    def profile(self, d: Tensor, draw: Draw, fake: Tensor) -> dict[str, Tensor]:
        """The gradient profile of D at a critic step's batch."""
        real, z, u, labels = draw
        return gradient_profile(self.D.at(d), Batch(real, fake, z, u, labels))

    def _ask(self, state: Buffers, method: str, *arguments) -> tuple:
        """The result of an objective's method, and the state after it."""
        after = {name: value.clone() for name, value in state.items()}
        lent = {f"objective.{name}": value for name, value in after.items()}
        return functional_call(_MethodCall(self.objective), lent, (method, *arguments)), after

    def _optimise(self, w: Tensor, gradient: Tensor, moments: Moments, rate: StepScalars) -> tuple[Tensor, Moments]:
        optimiser = adam if self.optimizer["name"] == "adam" else rmsprop
        return optimiser(w, gradient, moments, rate, self.optimizer)


def step_scalars(block: dict, learning_rate: float, t: int) -> list[float]:
    """What the t-th step, counted from 1, of an optimiser needs to know of its number: a Rate as plain numbers."""
    return [learning_rate, *(1 - beta**t for beta in block["betas"])] if block["name"] == "adam" else [learning_rate]


def adam(w: Tensor, gradient: Tensor, moments: Moments, rate: StepScalars, block: dict) -> tuple[Tensor, Moments]:
    """Algorithm 1 of 1412.6980, on vectors (n,)."""
    (first, second), (learning_rate, correction, second_correction) = block["betas"], rate
    m = torch.lerp(moments["exp_avg"], gradient, 1 - first)
    v = second * moments["exp_avg_sq"] + (1 - second) * gradient.square()
    denominator = (v / second_correction).sqrt() + EPSILON
    return w - learning_rate * (m / correction) / denominator, {"exp_avg": m, "exp_avg_sq": v}


def rmsprop(w: Tensor, gradient: Tensor, moments: Moments, rate: StepScalars, block: dict) -> tuple[Tensor, Moments]:
    """RMSprop as in Hinton's lecture 6e, on vectors (n,)."""
    v = block["alpha"] * moments["square_avg"] + (1 - block["alpha"]) * gradient.square()
    return w - rate[0] * gradient / (v.sqrt() + EPSILON), {"square_avg": v}
