"""RMSprop: Hinton, Srivastava and Swersky, lecture 6e of Neural Networks for Machine Learning (2012).

v ← α v + (1 - α) g²,  w ← w - lr · g / (√v + ε)
"""

import torch
from torch import Tensor, nn

from ganspeed.optimizers import EPSILON, Extras, Fraction, Moments, Rule, Scalars


class RMSProp(Rule):
    moments = ("square_avg",)

    def __init__(self, extras: Extras, *, alpha: Fraction):
        """alpha: memory of the moving average of the squared gradient"""
        super().__init__(extras)
        self.alpha = alpha

    def torch_optimizer(self, weights: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(weights, learning_rate, alpha=self.alpha, foreach=True)

    def step(self, w: Tensor, gradient: Tensor, moments: Moments, scalars: Scalars) -> tuple[Tensor, Moments]:
        v = self.alpha * moments["square_avg"] + (1 - self.alpha) * gradient.square()
        return w - scalars[0] * gradient / (v.sqrt() + EPSILON), {"square_avg": v}
