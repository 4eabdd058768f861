"""Wasserstein GAN with gradient penalty. Gulrajani et al. 2017, 1704.00028, equation 3.

The critic minimises E[D(x_fake)] - E[D(x)] + lambda_gp E[(||∇D(x_hat)||₂ - 1)²] with
x_hat = u x + (1 - u) x_fake, u uniform on [0, 1) per sample; G minimises -E[D(x_fake)]. With sides "one" the penalty is
that of section 4 on one-sided penalties, E[max(0, ||∇D(x_hat)||₂ - 1)²]. With lambda_gp 0 the critic is unconstrained,
and no pass is made for a penalty. `target` is the norm that the penalty asks for, 1 in the paper.
"""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ganspeed.objectives import Batch, Objective, Terms, gradient_norm, interpolate, norm_penalty, penalty_share, scores


class WGANGP(Objective):
    penalises_gradient = True

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        lambda_gp: NonNegativeFloat,
        sides: Literal["two", "one"] = "two",
        target: PositiveFloat = 1.0,
    ):
        """
        lambda_gp: weight of the gradient penalty; 0: none
        sides: two: gradient norms below the target are penalised as well; one: those above alone
        target: the gradient norm that the penalty asks for
        """
        super().__init__()
        self.n_critic = n_critic
        self.lambda_gp, self.sides, self.target = lambda_gp, sides, target

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        if not self.lambda_gp:
            return Terms({"wasserstein": -gap}, gap=gap)
        norm = gradient_norm(D, interpolate(batch.real, batch.fake, batch.u))
        penalty = norm_penalty(norm, self.sides, self.target)
        weighted = self.lambda_gp * penalty
        return Terms(
            {"wasserstein": -gap, "penalty": weighted},
            {"penalty": penalty, "share": penalty_share(gap, weighted), "grad_norm": norm.mean()},
            gap,
        )

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})
