"""The discriminator: what all bodies share."""

from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganspeed.networks.layers import activation, biased, cycled, hidden_layer, output_function
from ganspeed.networks.range import ImageRange
from ganspeed.networks.spectral import SpectralConv2d, SpectralLinear, SpectralWeight
from ganspeed.params.networks import DiscriminatorBlock, Networks


class Discriminator(nn.Module):
    """Images (N, C, H, W) → logits or scores (N,), a probability only where the block asks for a sigmoid.

    A subclass, a file of discriminator_bodies/, maps images as the networks see them to features, and those to scores.
    `heads`: name → units of further linear layers on the features, which an objective asks for. With `classes`, an
    image has a plane for each class beside its channels, 1 where it is the class of `labels`, else 0, or of the values
    that `labels` has for the classes.
    """

    def __init__(self, networks: Networks, channels: int, classes: int):
        super().__init__()
        self.range = ImageRange(networks.range, channels)
        self.classes, self.channels = classes, channels + classes
        self.output = output_function(networks.D.output)
        self.ties_samples = networks.D.norm == "batch"
        self.scores_apart = self.ties_samples  # see objectives.scores
        # (M,), or (M, K) by classes, of the samples of a step; a batch of other than M takes them from the start again.
        if classes:
            self.register_buffer("labels", torch.zeros(1, dtype=torch.int64), persistent=False)

    def add_score(self, networks: Networks, features: int) -> None:
        """The layers from features (N, F) to the score, with a dense layer between them if the block asks for one.

        Without it the score is a sum over positions of the feature maps. Where each of these sees a part of the image
        only, D cannot judge whether distant parts fit together. 1606.03657, appendix C, has such a layer on MNIST.
        """
        block = networks.D
        linear = SpectralLinear if block.norm == "spectral" else nn.Linear
        dense = [linear(features, block.hidden), activation(block.act)] if block.hidden else []
        self.features_size = block.hidden or features
        self.dense, self.score = nn.Sequential(*dense), linear(self.features_size, 1)

    def add_heads(self, heads: Mapping[str, int]) -> None:
        self.heads = nn.ModuleDict({name: nn.Linear(self.features_size, units) for name, units in heads.items()})

    def forward(self, x: Tensor, read: str = "score") -> Tensor:
        """Scores (N,); with `read` "features" (N, F), or a head's output (N, units)."""
        features = self.features_of(self._with_planes(self.range.inside(x)))
        if read == "features":
            return features.float()
        if read != "score":
            return self.heads[read](features).float()
        return self.output(self.score_of(x, features)).float()

    def features(self, x: Tensor) -> Tensor:
        """Features (N, F) of images (N, C, H, W)."""
        return self(x, "features")

    def head(self, name: str, x: Tensor) -> Tensor:
        """A head's output (N, units) for images (N, C, H, W)."""
        return self(x, name)

    def features_of(self, x: Tensor) -> Tensor:
        """Features (N, F) of images as the network sees them, class planes included."""
        raise NotImplementedError

    def score_of(self, x: Tensor, features: Tensor) -> Tensor:
        """Scores (N,) by features; x: the images themselves, in [-1, 1]."""
        return self.score(features).squeeze(1)

    def after_step(self) -> None:
        """Called after each of D's optimiser steps: moves the vectors of spectral normalisation."""
        for module in self.modules():
            if isinstance(module, SpectralWeight):
                module.move()

    def _with_planes(self, x: Tensor) -> Tensor:
        if not self.classes:
            return x
        classes = cycled(self.labels, len(x))
        if classes.dim() == 1:
            classes = classes.unsqueeze(1) == torch.arange(self.classes, device=x.device)
        return torch.cat([x, classes.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def new_discriminator(
    networks: Networks, shape: tuple[int, int, int], classes: int = 0, heads: Mapping[str, int] | None = None
) -> Discriminator:
    """A discriminator of images of this shape (C, H, W). networks: resolved; `classes`: 0 where D sees no planes."""
    body = import_module(f"ganspeed.networks.discriminator_bodies.{networks.D.body}")
    D = body.Body(networks, shape, classes)
    D.add_heads(heads or {})
    return D


def halving_layers(block: DiscriminatorBlock, channels: int, size: int) -> tuple[nn.Sequential, int]:
    """Layers from images (N, channels, size, size) to their flattened last feature maps (N, F), and F.

    The first layer is not normalised, as in 1511.06434, but by the spectral norm, which is one of weights.
    """
    sizes = [size >> i for i in range(block.depth + 1)]
    widths = [channels, *(block.width * 2**i for i in range(len(sizes) - 1))]
    convolution = SpectralConv2d if block.norm == "spectral" else nn.Conv2d
    layers: list[nn.Module] = []
    for i, ((before, after), halved) in enumerate(zip(pairwise(widths), sizes[1:], strict=True)):
        norm = block.norm if i or block.norm == "spectral" else "none"
        if block.down == "stride":
            layer = [convolution(before, after, 4, 2, 1, bias=biased(block, norm))]
        else:
            layer = [convolution(before, after, 3, 1, 1, bias=biased(block, norm)), nn.AvgPool2d(2)]
        layers += hidden_layer(block, layer, (after, halved, halved), norm)
    return nn.Sequential(*layers, nn.Flatten()), widths[-1] * sizes[-1] ** 2
