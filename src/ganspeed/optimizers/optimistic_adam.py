"""Optimistic Adam: Daskalakis, Ilyas, Syrgkanis and Zeng (2017), 1711.00141, algorithm 1.

    w ← w - 2 lr · dₜ + lr · dₜ₋₁,  dₜ = m̂ / (√v̂ + ε) of Adam in step t,  d₀ = 0

Each player anticipates the other's next move by its last one, against the cycles of simultaneous descent. Where the
rate follows a schedule, both directions of a step have the rate of that step.
"""

import torch
from torch import Tensor, nn

from ganspeed.optimizers import Betas, Extras, Moments, Rule, Scalars, StepOptimizer, adam_moments, adam_scalars


class OptimisticAdam(Rule):
    moments = ("exp_avg", "exp_avg_sq", "direction")

    def __init__(self, extras: Extras, *, betas: Betas):
        """betas: memories of the moving averages of the gradient and of its square"""
        super().__init__(extras)
        self.betas = betas

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        return StepOptimizer(weights, learning_rate, self)

    def torch_state(self, moments: Moments, steps: int) -> dict:
        return {"step": steps, **moments}

    def scalars(self, learning_rate: float, t: int) -> list[float]:
        return adam_scalars(learning_rate, self.betas, t)

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        learning_rate, *corrections = scalars
        m, denominator, after = adam_moments(gradient, moments, self.betas, corrections)
        direction = m / denominator
        return w - learning_rate * (2 * direction - moments["direction"]), {**after, "direction": direction}
