"""How do a player's weights follow from its gradients?

One optimiser, one file of this folder; the file's name is the optimiser's name in params.yaml, and the keyword-only
arguments of its constructor are keys of its block. Each has two forms, an optimiser of torch for the eager loop and a
step on vectors for the engines, which agree within rounding. See docs/optimisers.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor, nn

from ganspeed.types import Betas, Fraction  # noqa: F401 for the annotations of constructors

EPSILON = 1e-8  # torch's default, of every optimiser that divides by a root
CLIP_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_'s

Moments = dict[str, Tensor]  # name in torch's state → as many values as there are weights
Scalars = tuple[Tensor, ...]  # the learning rate of a step, and what else differs from step to step


@dataclass(frozen=True)
class Extras:
    """What every optimiser may be given besides; 0 leaves it out."""

    weight_decay: float = 0.0
    l1: float = 0.0
    clip_norm: float = 0.0


class Rule:
    """Base of all optimisers: how the weights of one player follow from their gradients."""

    moments: tuple[str, ...] = ()  # their names in the state of torch's optimiser; zeros before the first step
    decouples_decay = False  # True: `step` applies extras.weight_decay, and no gradient contains it

    def __init__(self, extras: Extras):
        self.extras = extras

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """The optimiser as torch has it. Its `step` takes gradients that are adjusted already."""
        raise NotImplementedError

    def torch_state(self, moments: Moments, steps: int) -> dict:
        """What torch's optimiser holds of a weight after so many steps. moments: of that weight, in its shape."""
        return {"step": torch.tensor(float(steps)), **moments}

    def scalars(self, learning_rate: float, t: int) -> list[float]:
        """The Scalars of step t, counted from 1, as plain numbers."""
        return [learning_rate]

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        """Weights and moments after a step with an adjusted gradient; all of one shape. Changes no argument."""
        raise NotImplementedError

    def adjusted(self, gradients: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        """The gradients that the optimiser gets: clipped, then with weight_decay * w and l1 * sign(w) added.

        Clipping scales all of them together to a norm of at most clip_norm, as torch.nn.utils.clip_grad_norm_ does.
        """
        extras = self.extras
        if extras.clip_norm:
            norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
            scale = (extras.clip_norm / (norm + CLIP_EPSILON)).clamp(max=1)
            gradients = [gradient * scale for gradient in gradients]
        if extras.weight_decay and not self.decouples_decay:
            gradients = [g + extras.weight_decay * w for g, w in zip(gradients, weights, strict=True)]
        if extras.l1:
            gradients = [g + extras.l1 * w.sign() for g, w in zip(gradients, weights, strict=True)]
        return gradients

    @torch.no_grad()
    def adjust(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients of these parameters by the adjusted ones, in place and in their memory layout."""
        if self.extras == Extras():
            return
        weights = [weight for weight in parameters if weight.grad is not None]
        for weight, new in zip(weights, self.adjusted([w.grad for w in weights], weights), strict=True):
            weight.grad.copy_(new)


class StepOptimizer(torch.optim.Optimizer):
    """A rule's `step` as an optimiser of torch, weight by weight: for a rule that torch itself does not have."""

    def __init__(self, weights: list[nn.Parameter], learning_rate: float, rule: Rule):
        super().__init__(weights, {"lr": learning_rate})
        self.rule = rule

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight] or {"step": 0, **{m: torch.zeros_like(weight) for m in self.rule.moments}}
                t = state["step"] + 1  # a plain number: no value is asked from the device
                moments = {name: state[name] for name in self.rule.moments}
                new, moments = self.rule.step(weight, weight.grad, moments, self.rule.scalars(group["lr"], t))
                weight.copy_(new)
                self.state[weight] = {"step": t, **moments}


def load(name: str, hyperparameters: dict, extras: Extras) -> Rule:
    """The optimiser in `<name>.py` with the hyperparameters of a block. Raises ModuleNotFoundError where it is none."""
    module = import_module(f"{__name__}.{name}")
    (rule,) = (c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__)
    return rule(extras, **hyperparameters)


def adam_scalars(learning_rate: float, betas: Betas, t: int) -> list[float]:
    """The learning rate and the bias corrections of both moments in step t of Adam, counted from 1."""
    return [learning_rate, *(1 - beta**t for beta in betas)]


def adam_moments(
    gradient: Tensor, moments: Moments, betas: Betas, corrections: Scalars
) -> tuple[Tensor, Tensor, Moments]:
    """Adam's corrected first moment, the root that it is divided by, and the new moments."""
    (first, second), (correction, second_correction) = betas, corrections
    m = torch.lerp(moments["exp_avg"], gradient, 1 - first)
    v = second * moments["exp_avg_sq"] + (1 - second) * gradient.square()
    denominator = (v / second_correction).sqrt() + EPSILON
    return m / correction, denominator, {"exp_avg": m, "exp_avg_sq": v}
