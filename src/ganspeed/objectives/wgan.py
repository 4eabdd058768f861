"""Wasserstein GAN with weight clipping. Arjovsky, Chintala, Bottou 2017, 1701.07875, algorithm 1.

The critic minimises E[D(x_fake)] - E[D(x)], then every weight is clipped to [-clip, clip]; G minimises -E[D(x_fake)].

Deviation: the original's code takes 100 critic steps during the first 25 updates and at every 500th; here n_critic is
the same throughout unless the variant's block has a `warm_start`, so that the variants' budgets can be compared.
"""

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from ganspeed.objectives import Batch, Objective, Terms, scores


class WGAN(Objective):
    def __init__(self, *, n_critic: PositiveInt, clip: PositiveFloat):
        """clip: bound of D's weights: they are clipped to [-clip, clip]"""
        super().__init__()
        self.n_critic = n_critic
        self.clip = clip

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        return Terms({"wasserstein": -gap}, gap=gap)

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})

    @torch.no_grad()
    def after_discriminator_step(self, D) -> None:
        for weight in D.parameters():
            weight.clamp_(-self.clip, self.clip)

    def row_diagnostics(self, D) -> dict[str, Tensor]:
        """`at_clip`: share of D's weights at either bound."""
        weights = torch.cat([weight.detach().flatten() for weight in D.parameters()])
        return {"at_clip": (weights.abs() >= self.clip).float().mean()}
