"""Two discriminators of DCGAN's kind, one on the image and one on half its size; their scores are added.

Multi-scale training as the sources name it; a discriminator of several scales is in Wang et al. 2018, 1711.11585.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ganspeed.networks.discriminator import Discriminator, halving_layers
from ganspeed.params.networks import Networks


class Body(Discriminator):
    def __init__(self, networks: Networks, shape: tuple[int, int, int], classes: int):
        super().__init__(networks, shape[0], classes)
        self.layers, features = halving_layers(networks.D, self.channels, shape[1])
        half = networks.D.model_copy(update={"depth": max(1, networks.D.depth - 1)})
        self.half_layers, half_features = halving_layers(half, self.channels, shape[1] // 2)
        self.add_score(networks, features + half_features)

    def features_of(self, x: Tensor) -> Tensor:
        return self.dense(torch.cat([self.layers(x), self.half_layers(F.avg_pool2d(x, 2))], 1))
