"""Adam: Kingma and Ba (2014), 1412.6980, algorithm 1.

m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,  w ← w - lr · m̂ / (√v̂ + ε)
m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)
"""

import torch
from torch import Tensor, nn

from ganspeed.optimizers import Betas, Extras, Moments, Rule, Scalars, adam_moments, adam_scalars


class Adam(Rule):
    moments = ("exp_avg", "exp_avg_sq")

    def __init__(self, extras: Extras, *, betas: Betas):
        """betas: memories of the moving averages of the gradient and of its square"""
        super().__init__(extras)
        self.betas = betas

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(weights, learning_rate, betas=self.betas, fused=True)

    def scalars(self, learning_rate: float, t: int) -> list[float]:
        return adam_scalars(learning_rate, self.betas, t)

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        learning_rate, *corrections = scalars
        m, denominator, moments = adam_moments(gradient, moments, self.betas, corrections)
        return w - learning_rate * m / denominator, moments
