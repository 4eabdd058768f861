"""What does each player minimise? An objective owns its hyperparameters and state, and returns its loss as terms.

One objective, one file of this folder; the file's name is the objective's name in params.yaml, and the keyword-only
arguments of its constructor are the keys of a variant's block. See docs/adding-an-objective.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

import torch
from torch import Tensor, nn

from ganspeed.errors import UserError
from ganspeed.types import (  # noqa: F401 for the annotations of constructors
    Categories,
    Fraction,
    Numbers,
    Probability,
    Sha256,
    TargetRange,
    UpToHalf,
)

EPSILON = 1e-12  # inside square roots and under quotients


class HyperparameterError(UserError):
    """A hyperparameter that only its objective can check; names the key, the value seen and what is allowed."""


@dataclass(frozen=True)
class Batch:
    """One batch, with the same draws for every objective at equal (seed, update, step)."""

    real: Tensor  # (N, C, H, W) in [-1, 1]
    fake: Tensor  # (N, C, H, W), G(z); with G's graph in the generator step alone
    z: Tensor  # (N, ...), what G was fed
    u: Tensor  # (N, 1, 1, 1), uniform on [0, 1)
    labels: Tensor  # (N,)
    draws: Mapping[str, Tensor] = field(default_factory=dict)  # (N, ...): those declared, and "codes" that G was fed


@dataclass(frozen=True)
class Terms:
    """What one player minimises, term by term, and diagnostics that are logged beside it. All scalars."""

    loss: dict[str, Tensor]
    diagnostics: dict[str, Tensor] = field(default_factory=dict)
    gap: Tensor | None = None  # mean D(x) - mean D(x_fake), of a discriminator step

    def total(self) -> Tensor:
        return sum(self.loss.values())


class Objective(nn.Module):
    """Base of all objectives.

    D(x) returns logits or scores (N,), bounded only where D's block asks for an output function; D.features(x) the
    features (N, F) that they are computed from, and D.head(name, x) what a head of `heads` makes of these, (N, units).

    The class-level literals are declarations: `ganspeed check` reads them from the source. `ganspeed params` reads what
    a constructor's docstring says of each of its arguments, as here of the one that all have:

    n_critic: updates of D for each update of G
    """

    n_critic: int
    penalises_gradient = False  # True: D must score every sample on its own
    logits = False  # True: the loss takes D's scores for logits
    body = None  # the one body of D that it works on, or None for any: a file of networks/discriminator_bodies/
    # Name in Batch.draws → "image" or "sample": standard normal, (N, C, H, W) or (N, 1, 1, 1); or "uniform" on [0, 1),
    # (N, 1, 1, 1). A constructor sets it where it depends on hyperparameters.
    draws: Mapping[str, str] = {}
    labels = False  # True: it reads Batch.labels, so that the data set must have classes
    traceable = True  # False: its runs are computed by the eager engine
    our_reading_of = None  # the paper, where it is built on a text without the formulas

    def heads(self) -> dict[str, int]:
        """Name → units of linear layers on D's features that it reads; D's optimiser trains them with the rest."""
        return {}

    @staticmethod
    def latent(hyperparameters: Mapping) -> dict[str, int]:
        """Codes that G is fed beside its noise, by hyperparameters: "categorical" values, "continuous" numbers."""
        return {}

    def discriminator_terms(self, D: nn.Module, batch: Batch) -> Terms:
        raise NotImplementedError

    def generator_terms(self, D: nn.Module, batch: Batch) -> Terms:
        raise NotImplementedError

    def after_discriminator_step(self, D: nn.Module) -> None:
        """Called after the optimiser's step: clips weights, updates the objective's state."""

    def row_diagnostics(self, D: nn.Module) -> dict[str, Tensor]:
        """Diagnostics of D as an update leaves it, scalars by name: computed for logged rows alone."""
        return {}

    def check_discriminator(self, D: nn.Module) -> None:
        """Raise TypeError, naming the layer, for a D whose score of one sample depends on the others."""
        for name, module in D.named_modules():
            if self.penalises_gradient and "BatchNorm" in type(module).__name__:
                raise TypeError(
                    f"discriminator layer {name}: {type(module).__name__} ties samples together, but "
                    f"{type(self).__name__} penalises the gradient of each sample (section 4 of 1704.00028)"
                )


@dataclass(frozen=True)
class Targets:
    """The targets of D's scores, drawn for each sample: uniform in the [low, high] of its kind or, flipped, the other.

    [t, t] for the real ones, for the others [0, 0], is one-sided label smoothing (section 3.4 of 1606.03498).
    """

    real: TargetRange
    fake: TargetRange
    flip: float  # share of the samples of either kind that have a target of the other, in [0, 1]

    @property
    def draws(self) -> dict[str, str]:
        """What they are drawn with, as Objective.draws has it: nothing for what is the same for all samples."""
        found = {}
        for kind in ("real", "fake"):
            if any(low < high for low, high in self._ranges(kind)):
                found[f"{kind}_target"] = "uniform"
            if self.flip:
                found[f"{kind}_flip"] = "uniform"
        return found

    def of(self, kind: str, batch: Batch) -> Tensor | float:
        """Targets of the samples of a batch, (N,), or one number for all. kind: "real" or "fake"."""
        own, *other = (_between(bounds, batch.draws.get(f"{kind}_target")) for bounds in self._ranges(kind))
        return torch.where(batch.draws[f"{kind}_flip"].flatten() < self.flip, *other, own) if other else own

    def _ranges(self, kind: str) -> list[TargetRange]:
        """That of this kind, and if any are flipped that of the other."""
        own, other = (self.real, self.fake) if kind == "real" else (self.fake, self.real)
        return [own, other] if self.flip else [own]


def _between(bounds: TargetRange, place: Tensor | None) -> Tensor | float:
    """low + place · (high - low), (N,); low alone where the bounds are equal. place: (N, 1, 1, 1) in [0, 1)."""
    low, high = bounds
    return low if low == high else low + (high - low) * place.flatten()


def load(name: str, hyperparameters: dict) -> Objective:
    """The objective in `<name>.py` with the hyperparameters of a variant's block."""
    return _class(name)(**hyperparameters)


def codes(name: str, hyperparameters: dict) -> dict[str, int]:
    """The codes that the objective in `<name>.py` has G fed, with these hyperparameters; see Objective.latent."""
    return _class(name).latent(hyperparameters)


def _class(name: str) -> type[Objective]:
    module = import_module(f"{__name__}.{name}")
    (objective,) = (c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__)
    return objective


def scores(D: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """D(x) and D(x_fake), each (N,), by one pass over both.

    A D whose score of one sample depends on the others has a pass for each: G's step shows it generated ones alone.
    """
    if getattr(D, "ties_samples", False):
        return D(batch.real), D(batch.fake)
    real, fake = D(torch.cat([batch.real, batch.fake])).chunk(2)
    return real, fake


def interpolate(real: Tensor, fake: Tensor, alpha: Tensor | float) -> Tensor:
    """x_hat = alpha x + (1 - alpha) x_fake; alpha: (N, 1, 1, 1) or a scalar, the weight of the REAL sample."""
    return alpha * real + (1 - alpha) * fake


def input_gradient(D: nn.Module, x: Tensor, differentiable: bool = True) -> Tensor:
    """Gradient of D's score with respect to each sample, by default itself differentiable. x, result: (N, C, H, W).

    In float32 inside autocast as well.
    """
    with torch.autocast(x.device.type, enabled=False):
        if not isinstance(D, nn.Module):  # an engine's BoundNetwork, inside torch.func's transforms
            return torch.func.grad(lambda x: D(x).sum())(x.detach())
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=differentiable)
        return gradient


def gradient_norm(D: nn.Module, x: Tensor, differentiable: bool = True) -> Tensor:
    """Euclidean norm of D's input gradient per sample, over all of the sample's entries. Returns (N,)."""
    # The epsilon keeps the second derivative finite where the gradient is zero.
    return (input_gradient(D, x, differentiable).flatten(1).square().sum(1) + EPSILON).sqrt()


def norm_penalty(norm: Tensor, sides: str, target: float = 1.0) -> Tensor:
    """How far gradient norms (N,) are from the target: mean (norm - target)², or one-sided mean max(0, norm - target)².

    sides: "two" or "one". Both are in section 4 of 1704.00028, which prefers the two-sided one, with the target 1.
    """
    excess = norm - target
    return (excess.relu() if sides == "one" else excess).square().mean()


def penalty_share(gap: Tensor, weighted_penalty: Tensor) -> Tensor:
    """Share of the penalty in the critic's cost, in [0, 1]: weighted / (|gap| + weighted)."""
    return weighted_penalty / (gap.abs() + weighted_penalty).clamp_min(EPSILON)
