"""InfoGAN: a GAN whose generator's codes can be read off its images. Chen et al. 2016, 1606.03657, equation 6.

G is fed a categorical and continuous codes beside the noise. A head Q on D's features estimates them, and both players
minimise the loss of `gan` plus lambda_info · L, the bound on the mutual information without its constant: the cross
entropy of the categorical code, and for each continuous one the negative log likelihood of a normal distribution of
unit variance, half the squared error.

Deviation: the variance of continuous codes is 1; the original estimates it.
"""

from collections.abc import Mapping

from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import log_softmax, softplus

from ganspeed.objectives import Batch, Categories, Numbers, Objective, Terms, scores


class InfoGAN(Objective):
    logits = True

    def __init__(
        self, *, n_critic: PositiveInt, categorical: Categories, continuous: Numbers, lambda_info: PositiveFloat
    ):
        """
        categorical: values of the categorical code
        continuous: number of continuous codes
        lambda_info: weight of the loss of the codes, for both players
        """
        super().__init__()
        self.n_critic = n_critic
        self.categorical, self.continuous, self.lambda_info = categorical, continuous, lambda_info

    @staticmethod
    def latent(hyperparameters: Mapping) -> dict[str, int]:
        return {name: hyperparameters[name] for name in ("categorical", "continuous")}

    def heads(self) -> dict[str, int]:
        return {"codes": self.categorical + self.continuous}

    def information(self, D, batch: Batch) -> Tensor:
        """L, of the generated images of a batch."""
        found, codes, n = D.head("codes", batch.fake), batch.draws["codes"], self.categorical
        category, numbers = codes[:, :n], codes[:, n:]
        cross_entropy = -(category * log_softmax(found[:, :n], 1)).sum(1).mean()
        return cross_entropy + (found[:, n:] - numbers).square().sum(1).mean() / 2

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        loss = {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}
        loss["information"] = self.lambda_info * self.information(D, batch)
        return Terms(loss, gap=real.mean() - fake.mean())

    def generator_terms(self, D, batch: Batch) -> Terms:
        loss = {"adversarial": softplus(-D(batch.fake)).mean()}
        return Terms(loss | {"information": self.lambda_info * self.information(D, batch)})
