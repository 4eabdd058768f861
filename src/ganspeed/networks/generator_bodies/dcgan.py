"""The generator of DCGAN: transposed convolutions that double the size. Radford et al. 2015, 1511.06434."""

from itertools import pairwise

from torch import nn

from ganspeed.networks.generator import Generator
from ganspeed.networks.layers import biased, hidden_layer, output_function
from ganspeed.params.networks import Networks


def doubling_convolution(size: int) -> tuple[int, int, int]:
    """Kernel, stride and padding of the transposed convolution to this size: an odd one from the half rounded up."""
    return (3, 2, 1) if size % 2 else (4, 2, 1)


class Body(Generator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], inputs: int):
        channels, size, _ = shape
        super().__init__(networks, channels)
        block = networks.G
        smallest, *growing = reversed([-(-size // 2**i) for i in range(block.depth + 1)])  # 28, 14, 7, 4
        widths = [block.width * 2**i for i in reversed(range(len(growing)))]
        self.start = (widths[0], smallest, smallest)
        self.project = nn.Linear(inputs, widths[0] * smallest**2, bias=biased(block, block.norm))
        layers = hidden_layer(block, [], self.start, block.norm)
        for (wide, narrow), grown in zip(pairwise(widths), growing[:-1], strict=True):
            layer = nn.ConvTranspose2d(wide, narrow, *doubling_convolution(grown), bias=biased(block, block.norm))
            layers += hidden_layer(block, [layer], (narrow, grown, grown), block.norm)
        last = nn.ConvTranspose2d(block.width, channels, *doubling_convolution(size))
        self.layers = nn.Sequential(*layers, last, output_function(block.output))
