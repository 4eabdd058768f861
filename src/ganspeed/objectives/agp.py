"""Adaptive gradient penalty: a proportional-integral controller sets the weight of WGAN-GP's penalty.

Our reading of Mtetwa, Ogudo, Pudaruth 2025, Mathematics 13(16), 2651, DOI 10.3390/math13162651. Its abstract names the
controller and its purpose, to hold the gradient norm at its target; its formulas were not at hand.

The critic minimises E[D(x_fake)] - E[D(x)] + lambda E[(||∇D(x_hat)||₂ - 1)²], x_hat as in WGAN-GP; G minimises
-E[D(x_fake)]. After every critic step, everything detached:

    error    = mean ||∇D(x_hat)||₂ - 1       of that step's batch, before its update
    integral = clip(integral + k_i error, floor - lambda_0, ceiling - lambda_0)
    lambda   = clip(lambda_0 + k_p error + integral, floor, ceiling)

lambda is lambda_0 in the first step. The bounds of the integral are those of lambda, against windup: it never grows
beyond what lambda can follow, so that lambda leaves a bound at the first error of the other sign.
"""

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ganspeed.objectives import (
    Batch,
    HyperparameterError,
    Objective,
    Terms,
    gradient_norm,
    interpolate,
    norm_penalty,
    penalty_share,
    scores,
)


class AGP(Objective):
    penalises_gradient = True
    our_reading_of = "Mtetwa, Ogudo and Pudaruth (2025), of which the abstract alone was at hand"

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        lambda_0: PositiveFloat,
        k_p: NonNegativeFloat,
        k_i: NonNegativeFloat,
        floor: NonNegativeFloat,
        ceiling: PositiveFloat,
    ):
        """
        lambda_0: weight of the penalty in the first critic step
        k_p: proportional gain: what an error of 1 adds to the weight
        k_i: integral gain: what an error of 1 adds to the weight for good
        floor: the weight is never below it
        ceiling: the weight is never above it
        """
        super().__init__()
        if floor > lambda_0:
            raise HyperparameterError(f"floor: {floor!r} is not <= lambda_0, which is {lambda_0!r}")
        if ceiling < lambda_0:
            raise HyperparameterError(f"ceiling: {ceiling!r} is not >= lambda_0, which is {lambda_0!r}")
        self.n_critic = n_critic
        self.lambda_0, self.k_p, self.k_i, self.floor, self.ceiling = lambda_0, k_p, k_i, floor, ceiling
        for name, value in {"error": 0.0, "integral": 0.0, "weight": lambda_0}.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        norm = gradient_norm(D, interpolate(batch.real, batch.fake, batch.u))
        penalty, weight = norm_penalty(norm, "two"), self.weight.to(gap.dtype)
        weighted = weight * penalty
        diagnostics = {
            "integral": self.integral.clone(),
            "lambda": weight,
            "penalty": penalty,
            "share": penalty_share(gap, weighted),
            "grad_norm": norm.mean(),
        }
        self.error.copy_(norm.detach().mean() - 1)
        return Terms({"wasserstein": -gap, "penalty": weighted}, diagnostics, gap)

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})

    @torch.no_grad()
    def after_discriminator_step(self, D) -> None:
        integral = self.integral + self.k_i * self.error
        self.integral.copy_(integral.clamp(self.floor - self.lambda_0, self.ceiling - self.lambda_0))
        weight = self.lambda_0 + self.k_p * self.error + self.integral
        self.weight.copy_(weight.clamp(self.floor, self.ceiling))
