"""A multilayer perceptron as generator: `depth` hidden layers of `width` units. Goodfellow et al. 2014, 1406.2661."""

from torch import nn

from ganspeed.networks.generator import Generator
from ganspeed.networks.layers import biased, hidden_layer, output_function
from ganspeed.params.networks import Networks


class Body(Generator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], inputs: int):
        channels, size, _ = shape
        super().__init__(networks, channels)
        block = networks.G
        self.start = (block.width,)
        self.project = nn.Linear(inputs, block.width, bias=biased(block, block.norm))
        layers = hidden_layer(block, [], self.start, block.norm)
        for _ in range(block.depth - 1):
            layer = nn.Linear(block.width, block.width, bias=biased(block, block.norm))
            layers += hidden_layer(block, [layer], self.start, block.norm)
        last = nn.Linear(block.width, channels * size**2)
        self.layers = nn.Sequential(*layers, last, nn.Unflatten(1, shape), output_function(block.output))
