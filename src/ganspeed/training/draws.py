"""Real batches, z and u as functions of (seed, update, step)."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganspeed.objectives import Batch
from ganspeed.system.determinism import generator

GENERATOR_STEP = -1  # stands for the critic step in the generator step's draws, whatever n_critic is


class Draws:
    """Real batches, z and u as functions of (seed, update, step)."""

    def __init__(self, seed: int, batch_size: int, z_dim: int, images: Tensor, labels: Tensor):
        self.seed, self.batch_size, self.z_dim = seed, batch_size, z_dim
        self.images, self.labels = images, labels

    def z(self, update: int, step: int) -> Tensor:
        """(batch_size, z_dim), standard normal."""
        g = generator("z", self.seed, update, step, device=self.images.device)
        return torch.randn(self.batch_size, self.z_dim, generator=g, device=self.images.device)

    def batch(self, update: int, step: int, fake: Callable[[Tensor], Tensor]) -> Batch:
        """Real images drawn with replacement, uniform u, and what `fake` makes of z."""
        device, n = self.images.device, self.batch_size
        order = generator("order", self.seed, update, step, device=device)
        index = torch.randint(len(self.images), (n,), generator=order, device=device)
        u = torch.rand(n, 1, 1, 1, generator=generator("u", self.seed, update, step, device=device), device=device)
        z = self.z(update, step)
        return Batch(self.images[index], fake(z), z, u, self.labels[index])
