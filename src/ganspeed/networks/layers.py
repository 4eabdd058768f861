"""Layers of both networks, and their initial weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Image size → sizes of feature maps, from the image on.
MAP_SIZES = {8: (8, 4, 2), 28: (28, 14, 7, 4), 32: (32, 16, 8, 4), 64: (64, 32, 16, 8, 4)}
EPSILON = 1e-5  # added to a variance before its root


class BatchNorm(nn.Module):
    """Batch normalisation by the batch's own statistics; stored statistics are measured by `measure_statistics` alone.

    (N, C, H, W) → same. Training uses nothing but the batch. Evaluation uses the stored statistics, those of one fixed
    batch of z: a snapshot then does not depend on how often or when snapshots are written.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.measuring = False

    def forward(self, x: Tensor) -> Tensor:
        stored = (None, None) if self.training and not self.measuring else (self.mean, self.variance)
        return F.batch_norm(x, *stored, self.weight, self.bias, training=self.training, momentum=1.0, eps=EPSILON)

    @torch.no_grad()
    def fold_into(self, layer: nn.Linear | nn.ConvTranspose2d) -> None:
        """Change the layer before so that it includes this normalisation by its stored statistics."""
        scale = self.weight / (self.variance + EPSILON).sqrt()
        shift = self.bias - self.mean * scale
        if isinstance(layer, nn.Linear):  # its outputs are all positions of the first channel, of the second, ...
            scale, shift = (x.repeat_interleave(layer.out_features // len(x)) for x in (scale, shift))
            layer.weight.mul_(scale.view(-1, 1))
        else:
            layer.weight.mul_(scale.view(-1, 1, 1))
        layer.bias = nn.Parameter(shift)


class LeakyReLU(nn.Module):
    """x where x > 0, slope x elsewhere: x times a factor that every derivative takes for a constant.

    PyTorch's own returns zeros as the derivative of its derivative, and a gradient penalty then sends them backwards
    through all of D for nothing. The function used here is linear in its first argument: its derivative is itself.
    """

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.aten.leaky_relu_backward(x, x.detach(), self.slope, False)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Weights from N(0, 0.02), those of a BatchNorm from N(1, 0.02), biases 0. Section 4 of 1511.06434."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, BatchNorm):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
