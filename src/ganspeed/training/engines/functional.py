"""One lane's discriminator step, generator step and gradient profile as functions of tensors.

`Steps` is the twin of `loop.one_update`: change them together. A network's weights are one vector (n,), so that an
optimiser's step is a handful of operations. Nothing is computed that is not used: no graph of G in a discriminator
step, no gradient of D's weights in a generator step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ganspeed.objectives import Batch, Objective
from ganspeed.optimizers import Moments, Rule, Scalars
from ganspeed.training.draws import Draw
from ganspeed.training.history import gradient_profile

Buffers = dict[str, Tensor]  # an objective's state


class DiscriminatorStep(NamedTuple):
    """D's weights (n,), moments and the objective's buffers after a step; its loss, the fields of its Terms, G(z)."""

    d: Tensor
    moments: Moments
    buffers: Buffers
    total: Tensor
    loss: dict[str, Tensor]
    diagnostics: dict[str, Tensor]
    gap: Tensor
    fake: Tensor


class GeneratorStep(NamedTuple):
    """G's weights (n,) and moments after a step; its loss, and the terms of that."""

    g: Tensor
    moments: Moments
    total: Tensor
    loss: dict[str, Tensor]


class FlatParameters:
    """The weights of a network as one vector (n,)."""

    def __init__(self, network: nn.Module):
        self.network = network
        self.shapes = {name: weight.shape for name, weight in network.named_parameters()}

    def vector(self, tensors: Iterable[Tensor]) -> Tensor:
        """One tensor for each of the network's weights, in their order, as a vector."""
        return torch.cat([tensor.detach().flatten() for tensor in tensors])

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """Name of a weight → its view of the vector."""
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def bind(self, vector: Tensor) -> "BoundNetwork":
        """The network with the weights of this vector."""
        return BoundNetwork(self.network, self.named(vector))


@dataclass(frozen=True)
class BoundNetwork:
    """A network with these weights instead of its own; an objective accepts it as D."""

    network: nn.Module
    weights: dict[str, Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return functional_call(self.network, self.weights, (x,))

    def parameters(self) -> Iterable[Tensor]:
        return self.weights.values()


class _MethodCall(nn.Module):
    """Calls a method of an objective in `forward`, the only method that functional_call calls."""

    def __init__(self, objective: Objective):
        super().__init__()
        self.objective = objective

    def forward(self, method: str, *arguments):
        return getattr(self.objective, method)(*arguments)


@dataclass(frozen=True)
class Steps:
    """Both steps of one variant; g, d: the weights of G and D before a step, (n,) each; moments: (n,) each as well."""

    G: FlatParameters
    D: FlatParameters
    objective: Objective
    G_rule: Rule
    D_rule: Rule

    def discriminator_step(
        self, g: Tensor, d: Tensor, moments: Moments, buffers: Buffers, draw: Draw, scalars: Scalars
    ) -> DiscriminatorStep:
        real, z, u, labels = draw
        batch = Batch(real, self.G.bind(g)(z), z, u, labels)

        def loss(d: Tensor):
            terms, after = self._call("discriminator_terms", buffers, self.D.bind(d), batch)
            total = terms.total()
            return total, (after, total, terms.loss, terms.diagnostics, terms.gap)

        gradient, (after, total, terms, diagnostics, gap) = grad(loss, has_aux=True)(d)
        d, moments = optimizer_step(d, gradient, moments, scalars, self.D_rule)
        d = d.clone()  # the objective may clip it in place
        _, after = self._call("after_discriminator_step", after, self.D.bind(d))
        return DiscriminatorStep(d, moments, after, total, terms, diagnostics, gap, batch.fake)

    def generator_step(
        self, g: Tensor, d: Tensor, moments: Moments, buffers: Buffers, draw: Draw, scalars: Scalars
    ) -> GeneratorStep:
        real, z, u, labels = draw

        def loss(g: Tensor):
            batch = Batch(real, self.G.bind(g)(z), z, u, labels)
            terms, _ = self._call("generator_terms", buffers, self.D.bind(d), batch)
            total = terms.total()
            return total, (total, terms.loss)

        gradient, (total, terms) = grad(loss, has_aux=True)(g)
        g, moments = optimizer_step(g, gradient, moments, scalars, self.G_rule)
        return GeneratorStep(g, moments, total, terms)

    def profile(self, d: Tensor, draw: Draw, fake: Tensor) -> dict[str, Tensor]:
        """The gradient profile of D at the batch of a discriminator step."""
        real, z, u, labels = draw
        return gradient_profile(self.D.bind(d), Batch(real, fake, z, u, labels))

    def _call(self, method: str, buffers: Buffers, *arguments) -> tuple[Any, Buffers]:
        """The result of an objective's method, and its buffers after the call."""
        after = {name: value.clone() for name, value in buffers.items()}
        bound = {f"objective.{name}": value for name, value in after.items()}
        return functional_call(_MethodCall(self.objective), bound, (method, *arguments)), after


def optimizer_step(
    w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars, rule: Rule
) -> tuple[Tensor, Moments]:
    """Weights (n,) and moments after a step of an optimiser, from the gradient of the loss alone."""
    (gradient,) = rule.adjusted([gradient], [w])
    return rule.step(w, gradient, moments, scalars)
