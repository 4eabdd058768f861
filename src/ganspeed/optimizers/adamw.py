"""AdamW: Adam with decoupled weight decay, Loshchilov and Hutter (2017), 1711.05101, algorithm 2.

    w ← w - lr · weight_decay · w, then Adam's step, whose moments do not see the decay

Without weight decay it is Adam.
"""

import torch
from torch import Tensor, nn

from ganspeed.optimizers import Betas, Extras, Moments, Rule, Scalars, adam_moments, adam_scalars


class AdamW(Rule):
    moments = ("exp_avg", "exp_avg_sq")
    decouples_decay = True

    def __init__(self, extras: Extras, *, betas: Betas):
        """betas: memories of the moving averages of the gradient and of its square"""
        super().__init__(extras)
        self.betas = betas

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        decay = self.extras.weight_decay
        return torch.optim.AdamW(weights, learning_rate, betas=self.betas, weight_decay=decay, fused=True)

    def scalars(self, learning_rate: float, t: int) -> list[float]:
        return adam_scalars(learning_rate, self.betas, t)

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        learning_rate, *corrections = scalars
        m, denominator, moments = adam_moments(gradient, moments, self.betas, corrections)
        if self.extras.weight_decay:
            w = w * (1 - learning_rate * self.extras.weight_decay)
        return w - learning_rate * m / denominator, moments
