"""The discriminator that every variant shares, without normalisation."""

from itertools import pairwise

from torch import Tensor, nn

from ganspeed.networks.layers import MAP_SIZES, LeakyReLU


class Discriminator(nn.Module):
    """Images (N, C, H, W) → logits or scores (N,), never a probability.

    `hidden`: units of a linear layer between the last feature maps and the score, 0 for none. Without it the score is a
    sum over positions of the feature maps. Where each of these sees a part of the image only, D cannot judge whether
    distant parts fit together. Chen et al. 2016, 1606.03657, appendix C, have such a layer on MNIST.
    """

    def __init__(self, shape: tuple[int, int, int], width: int, hidden: int):
        super().__init__()
        channels, size, _ = shape
        halved = [s for s in MAP_SIZES[size][:-1] if s % 2 == 0]  # 28 → 14 → 7, not further
        widths = [channels, *(width * 2**i for i in range(len(halved)))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1), LeakyReLU(0.2)]  # H → H/2
        seen = widths[-1] * (halved[-1] // 2) ** 2
        dense = [nn.Linear(seen, hidden), LeakyReLU(0.2)] if hidden else []
        self.layers = nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(hidden or seen, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1).float()
