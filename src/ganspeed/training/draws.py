"""Real batches, z and u as functions of (seed, update, step)."""

from typing import NamedTuple

import torch
from torch import Tensor

from ganspeed.system.determinism import generator

GENERATOR_STEP = -1  # the `step` of the generator step's draws, whatever n_critic is


class Draw(NamedTuple):
    """Everything random in one step, on the device of the images."""

    real: Tensor  # (N, C, H, W) in [-1, 1], drawn with replacement
    z: Tensor  # (N, z_dim), standard normal
    u: Tensor  # (N, 1, 1, 1), uniform on [0, 1)
    labels: Tensor  # (N,), of the real images


class Draws:
    """The draws of one run: a pure function of (seed, update, step), without a state of its own.

    images: (M, C, H, W) in [-1, 1]; labels: (M,).
    """

    def __init__(self, seed: int, batch_size: int, z_dim: int, images: Tensor, labels: Tensor):
        self.seed, self.batch_size, self.z_dim = seed, batch_size, z_dim
        self.images, self.labels = images, labels

    def __call__(self, update: int, step: int) -> Draw:
        """The draw of one step; `step` is 0, ..., n_critic - 1 or GENERATOR_STEP."""
        device, n = self.images.device, self.batch_size
        order, z, u = (generator(name, self.seed, update, step, device=device) for name in ("order", "z", "u"))
        index = torch.randint(len(self.images), (n,), generator=order, device=device)
        return Draw(
            real=self.images[index],
            z=torch.randn(n, self.z_dim, generator=z, device=device),
            u=torch.rand(n, 1, 1, 1, generator=u, device=device),
            labels=self.labels[index],
        )
