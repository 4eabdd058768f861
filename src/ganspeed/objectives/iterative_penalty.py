"""Iterative penalty: x_hat and the penalty's weight follow the distance between generated and real data.

Our reading of Chen, Song, Yu 2019, Journal of Nanjing University of Science and Technology 43(1), 35-40, DOI
10.14177/j.cnki.32-1397n.2019.43.01.005, whose formulas are not at hand: see docs/method.md for what its text fixes.

The critic minimises E[D(x_fake)] - E[D(x)] + lambda E[(||∇D(x_hat)||₂ - 1)²], G minimises -E[D(x_fake)], and at
every critic step, everything detached:

    c      = |mean D(x) - mean D(x_fake)|  of the previous critic step
    s      = beta s + (1 - beta) c;  e = s / (1 - beta^n)   after n gaps
    m      = max(m, e)
    rho    = clip(e / m, 0, 1);  1 before the first gap and during the first `warmup` critic steps
    alpha  = 1 - rho                       one value for the batch
    x_hat  = alpha x + (1 - alpha) x_fake
    lambda = lambda_0 rho^p
"""

from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from ganspeed.objectives import (
    EPSILON,
    Batch,
    Fraction,
    Objective,
    Terms,
    gradient_norm,
    interpolate,
    penalty_share,
    scores,
)


class IterativePenalty(Objective):
    penalises_gradient = True

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        alpha: Literal["iterative", "random", "batch_random", "fixed"],
        weight: Literal["iterative", "fixed"],
        lambda_0: NonNegativeFloat,
        p: PositiveFloat,
        beta: Fraction,
        warmup: NonNegativeInt,
    ):
        super().__init__()
        self.n_critic = n_critic
        self.alpha, self.weight = alpha, weight
        self.lambda_0, self.p = lambda_0, p
        self.beta, self.warmup = beta, warmup
        for name in ("distance", "average", "reference", "seen"):  # c, s, m and n, carried in float64
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))

    def ema(self) -> Tensor:
        """e, the bias-corrected moving average of the gaps; 0 before the first."""
        return self.average / (1 - self.beta**self.seen).clamp_min(EPSILON)

    def rho(self) -> Tensor:
        """How far there is still to go, in [0, 1]: the distance now against the largest so far."""
        rho = (self.ema() / self.reference.clamp_min(EPSILON)).clamp(0, 1)
        return torch.where(self.seen < max(self.warmup, 1), torch.ones_like(rho), rho)

    def interpolation_weight(self, rho: Tensor, u: Tensor) -> Tensor:
        """alpha, the weight of the real sample: (N, 1, 1, 1) where it is drawn per sample, else a scalar."""
        match self.alpha:
            case "iterative":
                return 1 - rho
            case "random":
                return u
            case "batch_random":
                return u[0, 0, 0, 0]
            case "fixed":
                return torch.full_like(rho, 0.5)

    def penalty_weight(self, rho: Tensor) -> Tensor:
        """lambda, a scalar."""
        return self.lambda_0 * (rho**self.p if self.weight == "iterative" else torch.ones_like(rho))

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        rho = self.rho().to(gap.dtype)
        alpha, weight = self.interpolation_weight(rho, batch.u), self.penalty_weight(rho)
        norm = gradient_norm(D, interpolate(batch.real, batch.fake, alpha))
        penalty = (norm - 1).square().mean()
        weighted = weight * penalty
        diagnostics = {
            "distance": self.distance.clone(),
            "ema": self.ema(),
            "reference": self.reference.clone(),
            "rho": rho,
            "alpha": alpha.mean(),
            "lambda": weight,
            "penalty": penalty,
            "share": penalty_share(gap, weighted),
            "grad_norm": norm.mean(),
        }
        self.distance.copy_(gap.detach().abs())
        return Terms({"wasserstein": -gap, "penalty": weighted}, diagnostics, gap)

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})

    @torch.no_grad()
    def after_discriminator_step(self, D) -> None:
        self.seen += 1
        self.average.lerp_(self.distance, 1 - self.beta)
        self.reference.copy_(torch.maximum(self.reference, self.ema()))
