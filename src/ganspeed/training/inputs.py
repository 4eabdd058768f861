"""What a network needs in a step beside weights and images: draws of the step, and buffers of its state."""

from collections.abc import Iterable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from ganspeed.networks.latents import Latents, one_hot
from ganspeed.networks.layers import BatchNorm, Dropout
from ganspeed.training.draws import Draw, Noise
from ganspeed.tricks import Trick


class StepInputs:
    """The buffers of a network that every step sets anew: the draws of its dropouts, and the labels where it sees them.

    player: "G" or "D", as draws name it.
    """

    def __init__(self, network: nn.Module, player: str):
        self.dropouts = {f"{n}.uniform": f"{player}.{n}" for n, m in network.named_modules() if isinstance(m, Dropout)}
        sees_labels = any(name == "labels" for name, _ in network.named_buffers(recurse=False))
        self.classes = network.classes if sees_labels else 0

    def of(self, draw: Draw, tricks: tuple[Trick, ...] = ()) -> dict[str, Tensor]:
        """Name of a buffer → its value in the step of this draw, with classes as these tricks show them."""
        labels = {"labels": self._labels(draw, tricks)} if self.classes else {}
        return labels | {name: draw.others[drawn] for name, drawn in self.dropouts.items()}

    def _labels(self, draw: Draw, tricks: tuple[Trick, ...]) -> Tensor:
        """Labels (N,), or with tricks classes (N, K)."""
        if not tricks:
            return draw.labels
        classes = one_hot(draw.labels, self.classes)
        for trick in tricks:
            classes = trick.classes_shown(classes, draw.others)
        return classes

    def lend(self, network: nn.Module, draw: Draw, tricks: tuple[Trick, ...] = ()) -> None:
        """Set them in the network itself, until the next step's."""
        for name, value in self.of(draw, tricks).items():
            module, _, buffer = name.rpartition(".")
            setattr(network.get_submodule(module), buffer, value)


def state_buffers(network: nn.Module) -> dict[str, Tensor]:
    """The buffers that a step reads and a checkpoint holds: all but the statistics that batch normalisation samples by.

    The vectors of spectral normalisation, and the mean and standard deviation of a range.
    """
    statistics = {
        f"{n}.{s}" for n, m in network.named_modules() if isinstance(m, BatchNorm) for s in ("mean", "variance")
    }
    weights = {name for name, _ in network.named_parameters()}
    return {name: value for name, value in network.state_dict().items() if name not in statistics | weights}


def noises(
    networks: dict[str, nn.Module],
    objective_draws: Mapping[str, str],
    tricks: Iterable[Trick],
    shape: tuple[int, ...],
    latent_dim: int,
    updates: int,
    classes: int,
) -> dict[str, Noise]:
    """What steps draw beside real images, z and u: uniform numbers for dropout, an objective's and tricks' own noise.

    networks: "G" and "D"; objective_draws: as an objective declares them; shape: of an image; latent_dim: numbers of
    noise in z; updates: of the run; classes: that D is shown.
    """
    found = {
        f"{player}.{name}": Noise("uniform", module.shape)
        for player, network in networks.items()
        for name, module in network.named_modules()
        if isinstance(module, Dropout)
    }
    one = (1, 1, 1)
    kinds = {"image": Noise("normal", shape), "sample": Noise("normal", one), "uniform": Noise("uniform", one),
             "latent": Noise("normal", (latent_dim,)), "classes": Noise("normal", (classes,))}  # fmt: skip
    found |= {name: kinds[kind] for name, kind in objective_draws.items()}
    for trick in tricks:
        scale = partial(trick.scale, updates=updates)
        found |= {name: kinds[kind]._replace(scale=scale) for name, kind in trick.draws.items()}
    return found


def example_draw(n: int, latents: Latents, shape: tuple[int, ...], others: dict[str, Noise]) -> Draw:
    """A draw of zeros of the same shapes as real ones. shape: of an image."""
    zeros = {name: torch.zeros(n, *noise.shape) for name, noise in others.items()}
    if latents.code_size:
        zeros["codes"] = torch.zeros(n, latents.code_size)
    real, z, u = torch.zeros(n, *shape), torch.zeros(n, latents.size), torch.zeros(n, 1, 1, 1)
    return Draw(real, z, u, torch.zeros(n, dtype=torch.int64), zeros)
