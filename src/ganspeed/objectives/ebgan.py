"""Energy-based GAN. Zhao, Mathieu, LeCun 2016, 1609.03126, equations 2-5.

D is an autoencoder and E(x) = -D(x) the mean squared error of its reconstruction. D minimises
E[E(x)] + E[max(0, margin - E(x_fake))], G minimises E[E(x_fake)] + pull_away · PT with the pulling-away term of section
2.4: the mean over pairs of a batch of the squared cosine between their codes, which keeps samples apart. With
pull_away 0 no code is looked at.

Deviation: the original writes the norm of the reconstruction's difference; here it is the mean of the squares, so that
a margin does not depend on the image's size.
"""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import normalize, relu

from ganspeed.objectives import Batch, Objective, Terms, scores


class EBGAN(Objective):
    body = "autoencoder"
    separate_terms = True

    def __init__(self, *, n_critic: PositiveInt, margin: PositiveFloat, pull_away: NonNegativeFloat):
        """
        margin: energy of a generated image up to which D raises it
        pull_away: weight of the pulling-away term in G's loss, which keeps samples apart; 0: none
        """
        super().__init__()
        self.n_critic = n_critic
        self.margin, self.pull_away = margin, pull_away

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        loss = {"real": -real.mean(), "fake": relu(self.margin + fake).mean()}
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        loss = {"adversarial": -D(batch.fake).mean()}
        if self.pull_away:
            loss["pull_away"] = self.pull_away * pulling_away(D.features(batch.fake))
        return Terms(loss)


def pulling_away(codes: Tensor) -> Tensor:
    """Mean squared cosine between different samples' codes (N, F), in [0, 1]; a scalar.

    A code of zeros has no direction: each one takes 1 / (N (N - 1)) away, so that codes of zeros alone give
    -1 / (N - 1).
    """
    cosines = (unit := normalize(codes, dim=1)) @ unit.T
    n = len(codes)
    return (cosines.square().sum() - n) / (n * (n - 1))
