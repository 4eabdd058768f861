"""One lane's discriminator step, generator step and what a row measures as functions of tensors.

`Steps` is the twin of `loop.one_update`: change them together. A network's weights are one vector (n,), so that an
optimiser's step is a handful of operations. Nothing is computed that is not used: no graph of G in a discriminator
step, no gradient of D's weights in a generator step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from ganspeed.objectives import Batch, Objective
from ganspeed.optimizers import Moments, Rule, Scalars
from ganspeed.training.draws import Draw, HeldOut
from ganspeed.training.history import row_measures
from ganspeed.training.inputs import StepInputs
from ganspeed.training.state import Player
from ganspeed.tricks import Trick, shown, with_terms

Buffers = dict[str, Tensor]  # of an objective or a network, by name
State = dict[str, Buffers]  # those of "objective", "G" and "D": see State.buffers of the eager loop


class DiscriminatorStep(NamedTuple):
    """D's weights (n,), moments and all buffers after a step; its loss, the fields of its Terms, G(z)."""

    d: Tensor
    moments: Moments
    buffers: State
    total: Tensor
    loss: dict[str, Tensor]
    diagnostics: dict[str, Tensor]
    gap: Tensor
    fake: Tensor


class GeneratorStep(NamedTuple):
    """G's weights (n,) and moments after a step; its loss, the terms of that, the norm of the optimiser's gradient."""

    g: Tensor
    moments: Moments
    total: Tensor
    loss: dict[str, Tensor]
    gradient_norm: Tensor


class FlatParameters:
    """The weights of a network as one vector (n,). player: "G" or "D"."""

    def __init__(self, network: nn.Module, player: str):
        self.network, self.player = network, player
        self.inputs = StepInputs(network, player)
        self.shapes = {name: weight.shape for name, weight in network.named_parameters()}

    def vector(self, tensors: Iterable[Tensor]) -> Tensor:
        """One tensor for each of the network's weights, in their order, as a vector."""
        return torch.cat([tensor.detach().flatten() for tensor in tensors])

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """Name of a weight → its view of the vector."""
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def bind(self, vector: Tensor, buffers: State, draw: Draw) -> "BoundNetwork":
        """The network with the weights of this vector, its own of these buffers, and what the draw has for it."""
        return self.lender(vector, buffers)(draw)

    def lender(self, vector: Tensor, buffers: State) -> Callable[[Draw], "BoundNetwork"]:
        """A function: draw → the network as `bind` has it, all with the same tensors as weights."""
        weights, own = self.named(vector), buffers[self.player]
        return lambda draw: BoundNetwork(self.network, weights, own | self.inputs.of(draw))


@dataclass(frozen=True)
class BoundNetwork:
    """A network with these weights and buffers instead of its own; an objective accepts it as D."""

    network: nn.Module
    weights: dict[str, Tensor]
    buffers: Buffers = field(default_factory=dict)

    def __call__(self, x: Tensor, *read: str) -> Tensor:
        return functional_call(self.network, self.weights | self.buffers, (x, *read))

    @property
    def ties_samples(self) -> bool:
        return getattr(self.network, "ties_samples", False)

    def features(self, x: Tensor) -> Tensor:
        return self(x, "features")

    def head(self, name: str, x: Tensor) -> Tensor:
        return self(x, name)

    def parameters(self) -> Iterable[Tensor]:
        return self.weights.values()


class _MethodCall(nn.Module):
    """Calls a method of a module in `forward`, the only method that functional_call calls."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, method: str, *arguments):
        return getattr(self.module, method)(*arguments)


def call(
    module: nn.Module, method: str, tensors: dict[str, Tensor], buffers: Buffers, *arguments
) -> tuple[Any, Buffers]:
    """The result of a method with these weights and buffers, and the buffers after the call."""
    after = {name: value.clone() for name, value in buffers.items()}
    bound = {f"module.{name}": value for name, value in (tensors | after).items()}
    return functional_call(_MethodCall(module), bound, (method, *arguments)), after


@dataclass(frozen=True)
class Steps:
    """Both steps of one variant; g, d: the weights of G and D before a step, (n,) each; moments: (n,) each as well."""

    G: FlatParameters
    D: FlatParameters
    objective: Objective
    G_rule: Rule
    D_rule: Rule
    tricks: tuple[Trick, ...] = ()

    def discriminator_step(
        self, g: Tensor, d: Tensor, moments: Moments, buffers: State, draw: Draw, scalars: Scalars
    ) -> DiscriminatorStep:
        fake = self.G.bind(g, buffers, draw)(draw.z)
        batch = Batch(draw.real, fake, draw.z, draw.u, draw.labels, draw.others)

        def loss(d: Tensor):
            D = self.D.bind(d, buffers, draw)
            seen = shown(self.tricks, D, batch, "D")
            terms, after = call(self.objective, "discriminator_terms", {}, buffers["objective"], D, seen)
            total = terms.total()
            return total, (after, total, terms.loss, terms.diagnostics, terms.gap)

        gradient, (after, total, terms, diagnostics, gap) = grad(loss, has_aux=True)(d)
        d, moments = optimizer_step(d, gradient, moments, scalars, self.D_rule)
        d = d.clone()  # the objective may clip it in place
        _, after = call(self.objective, "after_discriminator_step", {}, after, self.D.bind(d, buffers, draw))
        _, of_d = call(self.D.network, "after_step", self.D.named(d), buffers["D"]) if buffers["D"] else (None, {})
        buffers = {"objective": after, "G": buffers["G"], "D": of_d}
        return DiscriminatorStep(d, moments, buffers, total, terms, diagnostics, gap, fake)

    def generator_step(
        self, g: Tensor, d: Tensor, moments: Moments, buffers: State, draw: Draw, scalars: Scalars
    ) -> GeneratorStep:
        def loss(g: Tensor):
            G, D = self.G.bind(g, buffers, draw), self.D.bind(d, buffers, draw)
            batch = Batch(draw.real, G(draw.z), draw.z, draw.u, draw.labels, draw.others)
            seen = shown(self.tricks, D, batch, "G")
            terms, _ = call(self.objective, "generator_terms", {}, buffers["objective"], D, seen)
            terms = with_terms(terms, self.tricks, G, D, batch)
            total = terms.total()
            return total, (total, terms.loss)

        gradient, (total, terms) = grad(loss, has_aux=True)(g)
        norm = self.G_rule.adjusted([gradient], [g])[0].norm()
        g, moments = optimizer_step(g, gradient, moments, scalars, self.G_rule)
        return GeneratorStep(g, moments, total, terms, norm)

    def measures(
        self, g: Tensor, d: Tensor, start: Buffers, buffers: State, draw: Draw, fake: Tensor, held_out: HeldOut
    ) -> dict[str, Tensor]:
        """What is measured at a logged row, with the draw and the G(z) of the last discriminator step."""
        G, D = self.G.lender(g, buffers), self.D.lender(d, buffers)
        return row_measures(G, D, self.objective, draw, fake, held_out, start)


def optimizer_step(
    w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars, rule: Rule
) -> tuple[Tensor, Moments]:
    """Weights (n,) and moments after a step of an optimiser, from the gradient of the loss alone."""
    (gradient,) = rule.adjusted([gradient], [w])
    return rule.step(w, gradient, moments, scalars)


def moments_of(flat: FlatParameters, player: Player) -> Moments:
    """The moments of a player's optimiser as vectors (n,); zeros before its first step."""
    weights, state = list(player.network.parameters()), player.optimizer.state
    return {
        name: flat.vector(state[w][name] if state else torch.zeros_like(w) for w in weights)
        for name in player.rule.moments
    }
