"""The networks that every variant shares: a DCGAN generator and a discriminator without normalisation.

Strided convolutions, ReLU in G and LeakyReLU(0.2) in D, tanh output, weights from N(0, 0.02): Radford et al. 2015,
1511.06434. D has no normalisation, so that a gradient penalty per sample means what it says (1704.00028, section 4).
Images and scores are float32 whatever the layers were computed in.
"""

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

SIZES = {8: (8, 4, 2), 28: (28, 14, 7, 4), 32: (32, 16, 8, 4), 64: (64, 32, 16, 8, 4)}  # of G's images, backwards
EPSILON = 1e-5  # added to a variance before its root
NORM_BATCH = 1024  # fixed z from which a snapshot's normalisation statistics are computed


def doubling(size: int) -> tuple[int, int, int]:
    """Kernel, stride and padding of the transposed convolution that leads to this size; to the odd 7 from 4."""
    return (3, 2, 1) if size % 2 else (4, 2, 1)


class BatchNorm(nn.Module):
    """Batch normalisation by the batch's own statistics; the stored ones are measured only when asked.

    In training nothing but the batch enters. `measure_statistics` stores the statistics of one fixed batch of z, and
    evaluation uses those: a snapshot then does not depend on how often or when it was taken.
    (N, C, H, W) → same.
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
        """Have the layer before also do what this one does by its stored statistics."""
        scale = self.weight / (self.variance + EPSILON).sqrt()
        shift = self.bias - self.mean * scale
        if isinstance(layer, nn.Linear):  # its outputs are all places of the first channel, of the second, ...
            scale, shift = (x.repeat_interleave(layer.out_features // len(x)) for x in (scale, shift))
            layer.weight.mul_(scale.view(-1, 1))
        else:
            layer.weight.mul_(scale.view(-1, 1, 1))
        layer.bias = nn.Parameter(shift)


class LeakyReLU(nn.Module):
    """x where x > 0, slope x elsewhere: a factor that is a constant to every derivative.

    PyTorch's own returns zeros as the derivative of its derivative, and a gradient penalty then sends them backwards
    through all of D for nothing. As a function of its first argument, its derivative is the function itself.
    """

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.aten.leaky_relu_backward(x, x.detach(), self.slope, False)


class Generator(nn.Module):
    """z: (N, z_dim) → images (N, C, H, W) in [-1, 1]."""

    def __init__(self, shape: tuple[int, int, int], z_dim: int, width: int):
        super().__init__()
        channels, size, _ = shape
        smallest, *growing = reversed(SIZES[size])
        widths = [width * 2**i for i in reversed(range(len(growing)))]
        self.start = (widths[0], smallest, smallest)
        self.project = nn.Linear(z_dim, widths[0] * smallest**2, bias=False)  # BatchNorm has the bias
        layers: list[nn.Module] = [BatchNorm(widths[0]), nn.ReLU()]
        for (wide, narrow), grown in zip(pairwise(widths), growing[:-1], strict=True):
            layers += [nn.ConvTranspose2d(wide, narrow, *doubling(grown), bias=False), BatchNorm(narrow), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, *doubling(size)), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.project(z).unflatten(1, self.start)).float()

    def fold(self) -> None:
        """Make each normalisation, by its stored statistics, part of the layer before it: less work in sampling."""
        layers: list[nn.Module] = [self.project]
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                layer.fold_into(layers[-1])
            else:
                layers.append(layer)
        self.layers = nn.Sequential(*layers[1:])


class Discriminator(nn.Module):
    """Images (N, C, H, W) → logits or scores (N,), never a probability.

    `hidden` units stand between the last feature maps and the score, 0 for none. A score that is linear in feature
    maps adds up what each of them sees. Where that is not yet the whole image, it cannot tell whether parts that are
    far from each other fit together. Chen et al. 2016, 1606.03657, appendix C, have such a layer on MNIST.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, hidden: int):
        super().__init__()
        channels, size, _ = shape
        halved = [s for s in SIZES[size][:-1] if s % 2 == 0]  # 28 → 14 → 7 ends there
        widths = [channels, *(width * 2**i for i in range(len(halved)))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), LeakyReLU(0.2)]  # H → H/2
        seen = widths[-1] * (halved[-1] // 2) ** 2
        dense = [nn.Linear(seen, hidden), LeakyReLU(0.2)] if hidden else []
        self.layers = nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(hidden or seen, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1).float()


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Weights from N(0, 0.02), those of a BatchNorm from N(1, 0.02), biases 0. Section 4 of 1511.06434."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, BatchNorm):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)


@torch.no_grad()
def measure_statistics(generator: Generator, z: Tensor) -> None:
    """Store in every BatchNorm of G the statistics of this one batch z: (N, z_dim)."""
    norms = [m for m in generator.modules() if isinstance(m, BatchNorm)]
    for norm in norms:
        norm.measuring = True
    generator(z)
    for norm in norms:
        norm.measuring = False


def load_generator(path: Path, shape: tuple[int, int, int], z_dim: int, width: int) -> Generator:
    """A snapshot's generator, ready to sample: evaluation mode, the snapshot's own statistics."""
    generator = Generator(shape, z_dim, width)
    generator.load_state_dict(load_file(path))
    generator.eval().fold()
    return generator.requires_grad_(False)
