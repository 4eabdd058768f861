"""Spectral normalisation: layers whose weight is divided by its largest singular value. Miyato et al. 2018, 1802.05957.

The value is estimated by power iteration (algorithm 1). Its vector `u` is state: it moves once after every step of the
network's optimiser and never in a forward pass, so that how often a network is looked at changes nothing.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FIRST_ITERATIONS = 15  # on the initial weights


class SpectralWeight(nn.Module):
    """What both layers share; `weight` is that of a convolution or a linear layer, seen as (outputs, the rest)."""

    weight: Tensor
    u: Tensor

    def normalised(self) -> Tensor:
        """The weight over its estimated largest singular value σ = uᵀ W v; u and v count as constants.

        In float32 inside autocast as well.
        """
        with torch.autocast(self.weight.device.type, enabled=False):
            matrix = self.weight.flatten(1)
            v = F.normalize(self.u @ matrix.detach(), dim=0)
            return self.weight / (self.u @ matrix @ v)

    @torch.no_grad()
    def move(self) -> None:
        """One power iteration."""
        matrix = self.weight.flatten(1)
        v = F.normalize(self.u @ matrix, dim=0)
        self.u.copy_(F.normalize(matrix @ v, dim=0))

    @torch.no_grad()
    def start(self, generator: torch.Generator) -> None:
        """Draw u and bring it close to the initial weight's own."""
        self.u.copy_(F.normalize(torch.randn(self.u.shape, generator=generator), dim=0))
        for _ in range(FIRST_ITERATIONS):
            self.move()


class SpectralConv2d(SpectralWeight, nn.Conv2d):
    def __init__(self, inputs: int, outputs: int, *geometry: int, bias: bool = True):
        super().__init__(inputs, outputs, *geometry, bias=bias)
        self.register_buffer("u", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.normalised(), self.bias)


class SpectralLinear(SpectralWeight, nn.Linear):
    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__(inputs, outputs, bias)
        self.register_buffer("u", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised(), self.bias)
