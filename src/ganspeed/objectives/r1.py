"""GAN with a zero-centred gradient penalty on real samples. Mescheder, Geiger, Nowozin 2018, 1801.04406, equation 9.

D minimises E[softplus(-D(x))] + E[softplus(D(x_fake))] + gamma/2 E[||∇D(x)||²], D being logits; G minimises
E[softplus(-D(x_fake))], the non-saturating loss.
"""

from pydantic import PositiveFloat, PositiveInt
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, Terms, input_gradient, scores


class R1(Objective):
    penalises_gradient = True
    logits = True

    def __init__(self, *, n_critic: PositiveInt, gamma: PositiveFloat):
        """gamma: weight of the penalty on D's squared gradient, halved in the loss"""
        super().__init__()
        self.n_critic, self.gamma = n_critic, gamma

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        # The squared norm has a second derivative everywhere: it needs no epsilon, unlike a norm.
        penalty = input_gradient(D, batch.real).flatten(1).square().sum(1).mean()
        loss = {"real": softplus(-real).mean(), "fake": softplus(fake).mean(), "r1": self.gamma / 2 * penalty}
        return Terms(loss, {"penalty": penalty}, real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": softplus(-D(batch.fake)).mean()})
