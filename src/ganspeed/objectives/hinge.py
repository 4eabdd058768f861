"""Geometric GAN: the hinge loss of a support vector machine. Lim, Ye 2017, 1705.02894.

D minimises E[max(0, 1 - D(x))] + E[max(0, 1 + D(x_fake))], G minimises -E[D(x_fake)].

Deviation: the paper's weight decay, the margin term of the support vector machine, is left out, as it is in the GANs
that took over the loss.
"""

from pydantic import PositiveInt

from ganspeed.objectives import Batch, Objective, Terms, scores


class Hinge(Objective):
    separate_terms = True

    def __init__(self, *, n_critic: PositiveInt):
        super().__init__()
        self.n_critic = n_critic

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        loss = {"real": (1 - real).relu().mean(), "fake": (1 + fake).relu().mean()}
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})
