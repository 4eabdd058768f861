"""The generator: what all bodies share, and how one is loaded from a snapshot."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganspeed.networks.layers import BatchNorm
from ganspeed.networks.range import ImageRange
from ganspeed.params.networks import Networks

NORM_BATCH = 1024  # fixed z of which a snapshot's normalisation statistics are computed


class Generator(nn.Module):
    """z (N, inputs) → images (N, C, H, W), in [-1, 1] where the output function's range is that of the block.

    A subclass, a file of generator_bodies/, makes `project`, the first layer, and `layers`, all others.
    """

    project: nn.Linear
    layers: nn.Sequential
    start: tuple[int, ...]  # shape of a sample after the first layer

    def __init__(self, networks: Networks, channels: int):
        super().__init__()
        self.range = ImageRange(networks.range, channels)

    def forward(self, z: Tensor) -> Tensor:
        return self.range.outside(self.layers(self.project(z).unflatten(1, self.start)).float())

    def fold(self) -> None:
        """Merge each batch normalisation, with its stored statistics, into the layer before it: less work in sampling.

        Only where it follows a layer at once, not an activation.
        """
        layers: list[nn.Module] = [self.project]
        for layer in self.layers:
            if isinstance(layer, BatchNorm) and isinstance(layers[-1], nn.Linear | nn.ConvTranspose2d):
                layer.fold_into(layers[-1])
            else:
                layers.append(layer)
        self.layers = nn.Sequential(*layers[1:])


def new_generator(networks: Networks, shape: tuple[int, int, int], inputs: int) -> Generator:
    """A generator of images of this shape (C, H, W) whose z has `inputs` numbers. networks: resolved."""
    return body_module(networks.G.body).Body(networks, shape, inputs)


def body_module(name: str) -> ModuleType:
    """The file of generator_bodies/ with this name."""
    return import_module(f"ganspeed.networks.generator_bodies.{name}")


@torch.no_grad()
def measure_statistics(generator: Generator, z: Tensor) -> None:
    """Store in every BatchNorm of G the statistics of one batch, without dropout, as in sampling. z: (N, inputs)."""
    norms, was_training = [m for m in generator.modules() if isinstance(m, BatchNorm)], generator.training
    generator.eval()
    for norm in norms:
        norm.train()
        norm.measuring = True
    generator(z)
    for norm in norms:
        norm.measuring = False
    generator.train(was_training)


def load_generator(path: Path, networks: Networks, shape: tuple[int, int, int], inputs: int) -> Generator:
    """A snapshot's generator for sampling: in evaluation mode, folded, with the snapshot's own statistics."""
    generator = new_generator(networks, shape, inputs)
    generator.load_state_dict(load_file(path))
    generator.eval().fold()
    return generator.requires_grad_(False)
