"""A content loss beside the adversarial one: the mean squared error to the true image. Ledig et al. 2016, 1609.04802.

On a data set with a problem G is fed a degraded image and minimises adversarial · (its objective's terms) + weight ·
E[(G(z) - x)²], the mean over all values, x being the image that was degraded. The paper's equation 3 has weight 1 and
adversarial 1e-3. Practice has the adversarial part as large as the content or a tenth of it, and never dominant, since
it then leads the weights astray.

Deviation: the paper's perceptual content, on features of a network trained elsewhere, is left out.
"""

from pydantic import NonNegativeFloat

from ganspeed.objectives import Batch
from ganspeed.tricks import Trick


class Content(Trick):
    """G is held to the true image by the mean squared error, beside a weighted adversarial part"""

    needs_problem = True

    def __init__(self, *, weight: NonNegativeFloat, adversarial: NonNegativeFloat = 1.0):
        """
        weight: weight of the mean squared error per value in G's loss; 0: none
        adversarial: what the objective's own terms of G's loss are multiplied by; 1: as they are, 0: the content alone
        """
        self.weight, self.objective_weight = weight, adversarial

    def generator_terms(self, G, D, batch: Batch) -> dict:
        return {"content": self.weight * (batch.fake - batch.real).square().mean()}
