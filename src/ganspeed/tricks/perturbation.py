"""Adversarial perturbation of the samples that D learns from. The step: Goodfellow et al. 2014, 1412.6572, section 4.

In its own steps D is shown x - radius sign ∇D(x) and x_fake + radius sign ∇D(x_fake): the images within `radius` in
every pixel that, to first order, D scores worst, real ones as generated and generated ones as real. For a loss that
falls in D(x) and rises in D(x_fake) that is the paper's x + ε sign ∇ₓJ of each. D's weights get no gradient by way of
the direction, as in the paper's. In G's step images are as they are: G would only move against itself.

Deviation: the paper trains on perturbed samples beside clean ones; here D learns from perturbed ones alone.
"""

from dataclasses import replace

import torch
from pydantic import NonNegativeFloat

from ganspeed.objectives import Batch, input_gradient
from ganspeed.tricks import Trick


class Perturbation(Trick):
    """the images that D learns from are moved to where it scores them worst, by `radius` in every pixel"""

    refuses = {("D.norm", "batch"): "has no gradient of one sample's score without the others'"}  # noqa: RUF012

    def __init__(self, *, radius: NonNegativeFloat):
        """radius: by so much every pixel is moved, where images are in [-1, 1]; 0: not at all"""
        self.radius = radius

    def shown(self, D, batch: Batch, player: str) -> Batch:
        if player == "G":
            return batch
        gradient = input_gradient(D, torch.cat([batch.real, batch.fake]), differentiable=False)
        real, fake = (self.radius * gradient.detach().sign()).chunk(2)
        return replace(batch, real=batch.real - real, fake=batch.fake + fake)
