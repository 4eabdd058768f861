"""Least squares GAN. Mao et al. 2017, 1611.04076, equation 2 with a = 0 and b = c = 1, the 0-1 coding of equation 9.

D minimises E[(D(x) - 1)²]/2 + E[D(x_fake)²]/2, G minimises E[(D(x_fake) - 1)²]/2. D's output is a score: no sigmoid.
"""

from pydantic import PositiveInt

from ganspeed.objectives import Batch, Objective, Terms, scores


class LeastSquares(Objective):
    def __init__(self, *, n_critic: PositiveInt):
        super().__init__()
        self.n_critic = n_critic

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        loss = {"real": (real - 1).square().mean() / 2, "fake": fake.square().mean() / 2}
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": (D(batch.fake) - 1).square().mean() / 2})
