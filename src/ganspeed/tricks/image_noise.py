"""Instance noise. Sønderby et al. 2017, 1610.04490; Arjovsky, Bottou 2017, 1701.04862.

D is shown x + σ ε and x_fake + σ ε', with ε and ε' standard normal in every pixel and drawn anew for every image of
every step. So it is in G's step as well, which then follows D where D was trained: the game is one of the two
distributions convolved with the noise. In update t of T, σ = sd, or with `until` sd max(0, 1 - (t - 1) / (until T)),
since the noise is to vanish by the end where G is to have the distribution of the images themselves.
"""

from dataclasses import replace

from pydantic import NonNegativeFloat

from ganspeed.objectives import Batch
from ganspeed.tricks import Share, Trick


class ImageNoise(Trick):
    """normal noise on the images that D is shown, real and generated, in the steps of both players"""

    draws = {"image_noise.real": "image", "image_noise.fake": "image"}  # noqa: RUF012 read from the source
    refuses = {("D.body", "autoencoder"): "has D reconstruct noise, which no code predicts"}  # noqa: RUF012

    def __init__(self, *, sd: NonNegativeFloat, until: Share = 0.0):
        """
        sd: standard deviation of the noise, where images are in [-1, 1]; 0: none
        until: share of the run in which sd falls to 0 in a straight line; 0: it stays
        """
        self.sd, self.until = sd, until

    def scale(self, update: int, updates: int) -> float:
        return self.sd * max(0.0, 1 - (update - 1) / (self.until * updates)) if self.until else self.sd

    def shown(self, D, batch: Batch, player: str) -> Batch:
        real, fake = (batch.draws[f"image_noise.{name}"] for name in ("real", "fake"))
        return replace(batch, real=batch.real + real, fake=batch.fake + fake)
