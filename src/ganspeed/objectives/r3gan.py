"""Relativistic pairing GAN with zero-centred gradient penalties on both sides. Huang et al. 2024, 2501.05441.

D minimises E[softplus(-(D(x) - D(x_fake)))] + gamma/2 (E[||∇D(x)||²] + E[||∇D(x_fake)||²]), the penalties R1 and R2;
G minimises E[softplus(-(D(x_fake) - D(x)))] (section 2). A pair is the k-th real and the k-th generated sample.

Deviation: the loss alone is the paper's; its networks and its schedules of learning rate, beta2, gamma and the EMA are
not here.
"""

from pydantic import PositiveFloat, PositiveInt
from torch import cat
from torch.nn.functional import softplus

from ganspeed.objectives import Batch, Objective, Terms, input_gradient, scores


class R3GAN(Objective):
    penalises_gradient = True
    logits = True

    def __init__(self, *, n_critic: PositiveInt, gamma: PositiveFloat):
        """gamma: weight of the penalties on D's squared gradient, halved in the loss"""
        super().__init__()
        self.n_critic, self.gamma = n_critic, gamma

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        squared_norm = input_gradient(D, cat([batch.real, batch.fake])).flatten(1).square().sum(1)
        r1, r2 = (half.mean() for half in squared_norm.chunk(2))
        loss = {
            "relativistic": softplus(fake - real).mean(),
            "r1": self.gamma / 2 * r1,
            "r2": self.gamma / 2 * r2,
        }
        return Terms(loss, {"penalty_real": r1, "penalty_fake": r2}, real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        return Terms({"relativistic": softplus(real - fake).mean()})
