"""The discriminator of DCGAN: convolutions that halve the size. Radford et al. 2015, 1511.06434."""

from torch import Tensor

from ganspeed.networks.discriminator import Discriminator, halving_layers
from ganspeed.params.networks import Networks


class Body(Discriminator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], classes: int):
        super().__init__(networks, shape[0], classes)
        self.layers, features = halving_layers(networks.D, self.channels, shape[1])
        self.add_score(networks, features)

    def features_of(self, x: Tensor) -> Tensor:
        return self.dense(self.layers(x))
