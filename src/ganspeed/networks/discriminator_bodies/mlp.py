"""A multilayer perceptron as discriminator: `depth` hidden layers of `width` units. 1406.2661 has one on MNIST."""

from torch import Tensor, nn

from ganspeed.networks.discriminator import Discriminator
from ganspeed.networks.layers import biased, hidden_layer
from ganspeed.networks.spectral import SpectralLinear
from ganspeed.params.networks import Networks


class Body(Discriminator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], classes: int):
        super().__init__(networks, shape[0], classes)
        block, units = networks.D, self.channels * shape[1] ** 2
        linear = SpectralLinear if block.norm == "spectral" else nn.Linear
        layers: list[nn.Module] = [nn.Flatten()]
        for i in range(block.depth):
            norm = block.norm if i or block.norm == "spectral" else "none"
            layer = linear(units, block.width, bias=biased(block, norm))
            layers += hidden_layer(block, [layer], (block.width,), norm)
            units = block.width
        self.layers = nn.Sequential(*layers)
        self.add_score(networks, units)

    def features_of(self, x: Tensor) -> Tensor:
        return self.dense(self.layers(x))
