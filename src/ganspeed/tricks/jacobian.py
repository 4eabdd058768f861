"""Jacobian clamping of G. Odena et al. 2018, 1802.08768, algorithm 1.

With δ = step n / ||n||, n standard normal, and z' = z + δ, G minimises beside its loss
weight E[(max(Q, high) - high)² + (min(Q, low) - low)²], Q = ||G(z) - G(z')|| / ||δ|| for each sample: how far a small
step in z moves an image is held between `low` and `high`. A step moves the noise in z alone, no code and no class, and
both passes have the same dropout. The paper has weight 1 and step 1, for images in [-1, 1] as here.
"""

import torch
from pydantic import NonNegativeFloat, PositiveFloat

from ganspeed.objectives import EPSILON, Batch
from ganspeed.tricks import Trick


class Jacobian(Trick):
    """how far a small step in z moves an image of G is held between `low` and `high`"""

    draws = {"jacobian.direction": "latent"}  # noqa: RUF012 read from the source

    def __init__(self, *, weight: NonNegativeFloat, low: NonNegativeFloat, high: NonNegativeFloat, step: PositiveFloat):
        """
        weight: weight of the penalty in G's loss; 0: none
        low: images move at least by so many times the step, else G pays
        high: images move at most by so many times the step, else G pays
        step: length of the step in z
        """
        self.weight, self.low, self.high, self.step = weight, low, high, step

    def generator_terms(self, G, D, batch: Batch) -> dict:
        drawn = batch.draws["jacobian.direction"]
        step = self.step * drawn / drawn.norm(dim=1, keepdim=True).clamp_min(EPSILON)
        moved = torch.nn.functional.pad(step, (0, batch.z.shape[1] - step.shape[1])) + batch.z
        change = (batch.fake - G(moved)).flatten(1).square().sum(1)
        quotient = (change + EPSILON).sqrt() / self.step  # the epsilon keeps its derivative finite where G is constant
        outside = (quotient - self.high).relu().square() + (self.low - quotient).relu().square()
        return {"jacobian": self.weight * outside.mean()}
