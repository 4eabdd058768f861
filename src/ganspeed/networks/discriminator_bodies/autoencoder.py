"""An autoencoder as discriminator: its score is minus the mean squared error of an image's reconstruction.

Zhao et al. 2016, 1609.03126: D is an energy function, low on real images. The score is minus the energy, so that
mean D(x) - mean D(x_fake) has the sign that it has everywhere. The features are the code between both halves.
"""

from torch import Tensor, nn

from ganspeed.networks.discriminator import Discriminator, halving_layers
from ganspeed.networks.layers import hidden_layer
from ganspeed.params.networks import Networks

CODE = 32  # numbers of the code, where the block's `hidden` is 0


class Body(Discriminator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], classes: int):
        super().__init__(networks, shape[0], classes)
        block, pixels = networks.D, shape[0] * shape[1] ** 2
        self.layers, features = halving_layers(block, self.channels, shape[1])
        self.features_size = block.hidden or CODE
        self.encode = nn.Linear(features, self.features_size)
        wide = hidden_layer(block, [nn.Linear(self.features_size, features)], (features,), "none")
        self.decode = nn.Sequential(*wide, nn.Linear(features, pixels), nn.Tanh())

    def features_of(self, x: Tensor) -> Tensor:
        return self.encode(self.layers(x))

    def score_of(self, x: Tensor, features: Tensor) -> Tensor:
        return -(self.decode(features) - x.flatten(1)).square().mean(1)
