"""The original game of two players. Goodfellow et al. 2014, 1406.2661.

D minimises E[softplus(-D(x))] + E[softplus(D(x_fake))], which is -log σ(D(x)) - log(1 - σ(D(x_fake))) (eq. 1), D being
logits. G minimises E[softplus(-D(x_fake))] (non-saturating, section 3), or with `saturating` the minimax
-E[softplus(D(x_fake))].
"""

from pydantic import PositiveInt
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, Terms, scores


class GAN(Objective):
    logits = True

    def __init__(self, *, n_critic: PositiveInt, saturating: bool):
        """saturating: true: G minimises the minimax loss; false: the non-saturating one"""
        super().__init__()
        self.n_critic = n_critic
        self.saturating = saturating

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        return Terms({"real": softplus(-real).mean(), "fake": softplus(fake).mean()}, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        fake = D(batch.fake)
        return Terms({"adversarial": -softplus(fake).mean() if self.saturating else softplus(-fake).mean()})
