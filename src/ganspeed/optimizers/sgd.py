"""Stochastic gradient descent: Robbins and Monro (1951); with momentum, Polyak (1964), as torch.optim.SGD has it.

    m ← momentum · m + g,  w ← w - lr · m

With a momentum of 0, the default, there is no m.
"""

import torch
from torch import Tensor, nn

from ganspeed.optimizers import Extras, Fraction, Moments, Rule, Scalars


class SGD(Rule):
    def __init__(self, extras: Extras, *, momentum: Fraction = 0.0):
        """momentum: memory of earlier gradients; 0: none"""
        super().__init__(extras)
        self.momentum = momentum
        self.moments = ("momentum_buffer",) if momentum else ()

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(weights, learning_rate, momentum=self.momentum, foreach=True)

    def torch_state(self, moments: Moments, steps: int) -> dict:
        return moments  # it counts no steps

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        if not self.momentum:
            return w - scalars[0] * gradient, moments
        m = self.momentum * moments["momentum_buffer"] + gradient
        return w - scalars[0] * m, {"momentum_buffer": m}
