"""The DCGAN generator that every variant shares, and how it is loaded from a snapshot."""

from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganspeed.networks.layers import MAP_SIZES, BatchNorm

NORM_BATCH = 1024  # fixed z of which a snapshot's normalisation statistics are computed


def doubling_convolution(size: int) -> tuple[int, int, int]:
    """Kernel, stride and padding of the transposed convolution to this size: to the odd 7 from 4, else from half."""
    return (3, 2, 1) if size % 2 else (4, 2, 1)


class Generator(nn.Module):
    """z (N, z_dim) → images (N, C, H, W) in [-1, 1]."""

    def __init__(self, shape: tuple[int, int, int], z_dim: int, width: int):
        super().__init__()
        channels, size, _ = shape
        smallest, *growing = reversed(MAP_SIZES[size])
        widths = [width * 2**i for i in reversed(range(len(growing)))]
        self.start = (widths[0], smallest, smallest)
        self.project = nn.Linear(z_dim, widths[0] * smallest**2, bias=False)  # BatchNorm has a bias
        layers: list[nn.Module] = [BatchNorm(widths[0]), nn.ReLU()]
        for (wide, narrow), grown in zip(pairwise(widths), growing[:-1], strict=True):
            layer = nn.ConvTranspose2d(wide, narrow, *doubling_convolution(grown), bias=False)
            layers += [layer, BatchNorm(narrow), nn.ReLU()]
        last = nn.ConvTranspose2d(width, channels, *doubling_convolution(size))
        self.layers = nn.Sequential(*layers, last, nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.project(z).unflatten(1, self.start)).float()

    def fold(self) -> None:
        """Merge each normalisation, with its stored statistics, into the layer before it: less work in sampling."""
        layers: list[nn.Module] = [self.project]
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                layer.fold_into(layers[-1])
            else:
                layers.append(layer)
        self.layers = nn.Sequential(*layers[1:])


@torch.no_grad()
def measure_statistics(generator: Generator, z: Tensor) -> None:
    """Store in every BatchNorm of G the statistics of one batch. z: (N, z_dim)."""
    norms = [m for m in generator.modules() if isinstance(m, BatchNorm)]
    for norm in norms:
        norm.measuring = True
    generator(z)
    for norm in norms:
        norm.measuring = False


def load_generator(path: Path, shape: tuple[int, int, int], z_dim: int, width: int) -> Generator:
    """A snapshot's generator for sampling: in evaluation mode, folded, with the snapshot's own statistics."""
    generator = Generator(shape, z_dim, width)
    generator.load_state_dict(load_file(path))
    generator.eval().fold()
    return generator.requires_grad_(False)
