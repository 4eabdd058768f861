"""Real batches, z, u and other noise as functions of (seed, update, step)."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ganspeed.networks.latents import Latents
from ganspeed.system.determinism import generator
from ganspeed.training.counts import Counts

GENERATOR_STEP = -1  # the `step` of the generator step's draws, whatever n_critic is
HeldOut = tuple[()] | tuple[Tensor, Tensor]  # images (K, C, H, W) in [-1, 1] and labels (K,) of no step, or none


class Noise(NamedTuple):
    """Noise that a network, an objective or a trick asks for, of this shape for one sample."""

    law: Literal["normal", "uniform"]  # standard normal, or uniform on [0, 1)
    shape: tuple[int, ...]
    scale: Callable[[int], float] | None = None  # what it is multiplied by in an update, counted from 1


class Draw(NamedTuple):
    """Everything random in one step, on the device of the images."""

    real: Tensor  # (N, C, H, W) in [-1, 1], drawn with replacement
    z: Tensor  # (N, Latents.size), what G is fed
    u: Tensor  # (N, 1, 1, 1), uniform on [0, 1)
    labels: Tensor  # (N,), of the real images
    others: Mapping[str, Tensor] = MappingProxyType({})  # (N, ...): what `others` of Draws asks for, and the codes in z

    def first(self, n: int) -> "Draw":
        """The draw of the first n samples."""
        return Draw(*(drawn[:n] for drawn in self[:4]), {name: drawn[:n] for name, drawn in self.others.items()})


class Draws:
    """The draws of one run: a pure function of (seed, update, step), without a state of its own.

    images: (M, C, H, W) in [-1, 1]; labels: (M,); held_out: what probes show to D beside, never drawn. Each draw has a
    generator of its own, so that another one, or one more, changes no byte of any.
    """

    def __init__(
        self,
        seed: int,
        counts: Counts,
        latents: Latents,
        images: Tensor,
        labels: Tensor,
        others: Mapping[str, Noise] | None = None,
        held_out: HeldOut = (),
    ):
        self.seed, self.counts, self.latents = seed, counts, latents
        self.images, self.labels, self.others, self.held_out = images, labels, others or {}, held_out

    def __call__(self, update: int, step: int) -> Draw:
        """The draw of one step; `step` is GENERATOR_STEP or the number of a discriminator step, from 0."""
        device = self.images.device
        n = self.counts.batch_of("G" if step == GENERATOR_STEP else "D", update)

        def purpose(name: str) -> torch.Generator:
            return generator(name, self.seed, update, step, device=device)

        index = torch.randint(len(self.images), (n,), generator=purpose("order"), device=device)
        labels = self.labels[index]
        z = self.latents.sample(n, purpose, labels)
        others = {name: _draw(noise, n, purpose(name), update) for name, noise in self.others.items()}
        if self.latents.code_size:
            others["codes"] = self.latents.codes(z)
        return Draw(
            real=self.images[index],
            z=z,
            u=torch.rand(n, 1, 1, 1, generator=purpose("u"), device=device),
            labels=labels,
            others=others,
        )


def _draw(noise: Noise, n: int, generator: torch.Generator, update: int) -> Tensor:
    draw = partial(torch.randn if noise.law == "normal" else torch.rand, device=generator.device)
    drawn = draw(n, *noise.shape, generator=generator)
    return noise.scale(update) * drawn if noise.scale else drawn
