"""Discriminators whose input gradients are known, batches for them, and objectives with the settings of a test."""

from dataclasses import replace

import torch
from torch import nn

from ganspeed import objectives
from ganspeed.objectives import Batch, Objective
from ganspeed.objectives.iterative_penalty import IterativePenalty


class Linear(nn.Module):
    """D(x) = <w, x>: its input gradient is w everywhere."""

    def __init__(self, w: torch.Tensor):
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x):
        return (x * self.w).flatten(1).sum(1)


class Quadratic(nn.Module):
    """D(x) = a/2 ||x||²: its input gradient is a x, its norm a ||x||."""

    def __init__(self, a: float):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x):
        return 0.5 * self.a * x.square().flatten(1).sum(1)


def batch(n=6, shape=(1, 8, 8), seed=0) -> Batch:
    g = torch.Generator().manual_seed(seed)
    real, fake = (torch.rand(n, *shape, generator=g) * 2 - 1 for _ in range(2))
    z, u = torch.randn(n, 4, generator=g), torch.rand(n, 1, 1, 1, generator=g)
    return Batch(real, fake, z, u, torch.zeros(n, dtype=torch.long))


def make(name: str, document, **changes):
    block = document["variants"][name] | changes
    return objectives.load(block["objective"], {k: v for k, v in block.items() if k not in ("objective", "optimizer")})


def iterative(**changes) -> IterativePenalty:
    block = {"alpha": "iterative", "weight": "iterative", "lambda_0": 10.0, "p": 2.0, "beta": 0.9, "warmup": 0}
    return IterativePenalty(n_critic=5, **(block | changes))


def at_distance(rho: float, **changes) -> IterativePenalty:
    """A controller whose reference is 1 and whose moving average is rho."""
    objective = iterative(**changes, beta=0.0)
    objective.seen.fill_(1000)
    objective.reference.fill_(1.0)
    objective.average.fill_(rho)
    return objective


def gaps(objective: Objective, b: Batch | None = None) -> tuple[float, float, float]:
    """The gap before any step, after one of G alone, and after one of D alone: plain SGD, all on the same batch."""
    b = b or batch(n=32)
    torch.manual_seed(0)
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))
    fake = b.fake.clone().requires_grad_()

    def gap(fake: torch.Tensor) -> float:
        return (D(b.real).mean() - D(fake).mean()).item()

    gradients = torch.autograd.grad(objective.discriminator_terms(D, b).total(), list(D.parameters()))
    (fake_gradient,) = torch.autograd.grad(objective.generator_terms(D, replace(b, fake=fake)).total(), fake)
    before, after_g = gap(b.fake), gap(b.fake - 0.1 * fake_gradient)
    with torch.no_grad():
        for weight, gradient in zip(D.parameters(), gradients, strict=True):
            weight -= 1e-3 * gradient
    return before, after_g, gap(b.fake)
