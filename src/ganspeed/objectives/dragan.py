"""DRAGAN: the game of two players with D's gradient norm held at 1 around real samples. Kodali et al. 2017, 1705.07215.

D minimises E[softplus(-D(x))] + E[softplus(D(x_fake))] + lambda_gp E[(||∇D(x + δ)||₂ - 1)²], D being logits and δ
normal noise of standard deviation `scale` in every pixel, drawn per sample (the paper's penalty with k = 1 and
c = scale²); G minimises E[softplus(-D(x_fake))], the non-saturating loss.

Deviation: noise is as the paper's text has it; common implementations take one-sided uniform noise,
and a random share of the way to it.
"""

from pydantic import PositiveFloat, PositiveInt
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, Terms, gradient_norm, norm_penalty, scores


class DRAGAN(Objective):
    penalises_gradient = True
    logits = True
    draws = {"noise": "image"}  # noqa: RUF012 read from the source, like the two above

    def __init__(self, *, n_critic: PositiveInt, lambda_gp: PositiveFloat, scale: PositiveFloat):
        """
        lambda_gp: weight of the gradient penalty
        scale: standard deviation of the noise that is added to real samples, around which D's gradient is held
        """
        super().__init__()
        self.n_critic, self.lambda_gp, self.scale = n_critic, lambda_gp, scale

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        norm = gradient_norm(D, batch.real + self.scale * batch.draws["noise"])
        penalty = norm_penalty(norm, "two")
        loss = {"real": softplus(-real).mean(), "fake": softplus(fake).mean(), "penalty": self.lambda_gp * penalty}
        return Terms(loss, {"penalty": penalty, "grad_norm": norm.mean()}, real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": softplus(-D(batch.fake)).mean()})
