"""Layers of both networks, and their initial weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganspeed.networks.spectral import SpectralConv2d, SpectralLinear
from ganspeed.params.networks import DCGAN_INIT, DiscriminatorBlock, GeneratorBlock, Normal

EPSILON = 1e-5  # added to a variance before its root


class BatchNorm(nn.Module):
    """Batch normalisation by the batch's own statistics; stored statistics are measured by `measure_statistics` alone.

    (N, C, H, W) → same. Training uses nothing but the batch. Evaluation uses the stored statistics, those of one fixed
    batch of z: a snapshot then does not depend on how often or when snapshots are written.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.measuring = False

    def forward(self, x: Tensor) -> Tensor:
        stored = (None, None) if self.training and not self.measuring else (self.mean, self.variance)
        return F.batch_norm(x, *stored, self.weight, self.bias, training=self.training, momentum=1.0, eps=EPSILON)

    @torch.no_grad()
    def fold_into(self, layer: nn.Linear | nn.ConvTranspose2d) -> None:
        """Change the layer before so that it includes this normalisation by its stored statistics."""
        scale = self.weight / (self.variance + EPSILON).sqrt()
        shift = self.bias - self.mean * scale
        if isinstance(layer, nn.Linear):  # its outputs are all positions of the first channel, of the second, ...
            scale, shift = (x.repeat_interleave(layer.out_features // len(x)) for x in (scale, shift))
            layer.weight.mul_(scale.view(-1, 1))
        else:
            layer.weight.mul_(scale.view(-1, 1, 1))
        layer.bias = nn.Parameter(shift)


class LeakyReLU(nn.Module):
    """x where x > 0, slope x elsewhere: x times a factor that every derivative takes for a constant.

    PyTorch's own returns zeros as the derivative of its derivative, and a gradient penalty then sends them backwards
    through all of D for nothing. The function used here is linear in its first argument: its derivative is itself.
    """

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.aten.leaky_relu_backward(x, x.detach(), self.slope, False)


class SampleNorm(nn.Module):
    """Normalisation of each sample by itself: over all its entries ("layer") or over each channel's ("instance").

    (N, C, H, W) → same, or (N, C) → same with "layer". 1607.06450, 1607.08022.
    """

    def __init__(self, channels: int, over: str):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.first = 1 if over == "layer" else 2  # dimension that the statistics are taken over, with all after it

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(torch.promote_types(x.dtype, self.weight.dtype))  # float32 inside autocast as well
        over, per_channel = tuple(range(self.first, x.dim())), (-1, *[1] * (x.dim() - 2))
        centred = x - x.mean(over, keepdim=True)
        scaled = centred * (centred.square().mean(over, keepdim=True) + EPSILON).rsqrt()
        return scaled * self.weight.view(per_channel) + self.bias.view(per_channel)


class Dropout(nn.Module):
    """Entries are zero with probability `rate` in training, the others larger by 1 / (1 - rate); 1207.0580.

    What is drawn comes from outside, as everything random does: `uniform`, (M, *shape) on [0, 1), shape being that of
    a sample here. A batch of other than M samples takes it from the start again, or a part of it.
    """

    def __init__(self, rate: float, shape: tuple[int, ...]):
        super().__init__()
        self.rate, self.shape = rate, shape
        self.register_buffer("uniform", torch.ones(1, *shape), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (cycled(self.uniform, len(x)) >= self.rate) / (1 - self.rate)


def cycled(values: Tensor, n: int) -> Tensor:
    """The first n of the values (M, ...), again from the start where n is more than M."""
    return torch.cat([values] * -(-n // len(values)))[:n]


def activation(name: str) -> nn.Module:
    """The activation that a block calls so. LeakyReLU's slope of 0.2 is that of 1511.06434."""
    match name:
        case "leaky":
            return LeakyReLU(0.2)
        case "relu":
            return nn.ReLU()
        case "tanh":
            return nn.Tanh()
        case "none":
            return nn.Identity()
    raise ValueError(f"unknown activation {name!r}")


def normalisation(name: str, channels: int) -> list[nn.Module]:
    """The layer of a normalisation; none for "none", and for "spectral", which is one of weights."""
    match name:
        case "batch":
            return [BatchNorm(channels)]
        case "layer" | "instance":
            return [SampleNorm(channels, name)]
        case "none" | "spectral":
            return []
    raise ValueError(f"unknown normalisation {name!r}")


def hidden_layer(
    block: GeneratorBlock | DiscriminatorBlock, layer: Iterable[nn.Module], shape: tuple[int, ...], norm: str
) -> list[nn.Module]:
    """A layer with all that follows it before the next. shape: of its output for one sample, channels first."""
    norms, act = normalisation(norm, shape[0]), activation(block.act)
    ordered = [*norms, act] if block.norm_at == "before" else [act, *norms]
    return [*layer, *ordered, *([Dropout(block.dropout, shape)] if block.dropout else [])]


def biased(block: GeneratorBlock | DiscriminatorBlock, norm: str) -> bool:
    """Whether a layer that this norm follows has a bias of its own: not where the norm has one and comes at once."""
    return norm in ("none", "spectral") or block.norm_at == "after"


def output_function(name: str) -> nn.Module:
    """The function at a network's end."""
    match name:
        case "none":
            return nn.Identity()
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
    raise ValueError(f"unknown output {name!r}")


def initialise(network: nn.Module, generator: torch.Generator, init: str | Normal = DCGAN_INIT) -> None:
    """Weights from N(0, σ), those of a normalisation from N(1, 0.02), biases 0. Section 4 of 1511.06434 with σ = 0.02.

    "xavier": weights uniform, with the variance 2 / (inputs + outputs) of Glorot and Bengio 2010.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if isinstance(init, Normal):
                nn.init.normal_(module.weight, 0.0, init.normal, generator=generator)
            else:
                nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, SpectralConv2d | SpectralLinear):
                module.start(generator)
        elif isinstance(module, BatchNorm | SampleNorm):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
