"""All that training changes: networks, optimisers, the average of G's weights, the objective's state."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganspeed import objectives
from ganspeed.networks.discriminator import Discriminator
from ganspeed.networks.generator import Generator
from ganspeed.networks.layers import initialise
from ganspeed.objectives import Batch, Objective, Terms
from ganspeed.system.determinism import generator


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `diverged_at` is the first update with a loss or a weight that is not finite."""

    diverged_at: int | None

    @property
    def status(self) -> str:
        return "completed" if self.diverged_at is None else "diverged"


@dataclass(frozen=True)
class Step:
    """What one update did: the terms of its last critic step, with that step's batch, and of its generator step.

    `profile`, when asked before the next update, makes the `gradient_profile` of the critic that it left.
    """

    critic: Terms
    adversary: Terms
    batch: Batch
    profile: Callable[[], dict[str, Tensor]]


@dataclass
class Player:
    """A network with its optimiser and the learning rate that it starts with."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    learning_rate: float

    def step(self, loss: Tensor, rate: float = 1.0) -> None:
        """One optimiser step at `rate` times the first learning rate; only this network's gradients are computed.

        `backward` gives each gradient the memory layout of its weight. One from `autograd.grad` may have another, and
        PyTorch's fused Adam on a CPU then reads it in the wrong order without a word.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * rate
        self.optimizer.zero_grad()
        loss.backward(inputs=list(self.network.parameters()))
        self.optimizer.step()


@dataclass
class State:
    """All that training changes. `bad_update` stays on the device: 0, or the first update that was not finite.

    `average` is G with the moving average of its weights, of which `decay` is the memory: what snapshots and pictures
    show. It never enters training. Both learning rates halve every `half_life` updates, with 0 they stay. `precision`
    is that of both networks' layers; weights are always float32.
    """

    G: Player
    D: Player
    average: Generator
    decay: float
    half_life: float
    precision: str
    objective: Objective
    bad_update: Tensor
    update: int
    rows: list[dict[str, float]]

    def rate(self) -> float:
        """What is left of the first learning rates in this update: 1 in the first."""
        return 0.5 ** ((self.update - 1) / self.half_life) if self.half_life else 1.0

    def pull(self) -> float:
        """How far the average moves towards G's weights in this update."""
        return 1 - min(self.decay, (1 + self.update) / (10 + self.update))  # else the initial weights linger

    def tensors(self) -> dict:
        return {
            "G": self.G.network.state_dict(),
            "D": self.D.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer_G": self.G.optimizer.state_dict(),
            "optimizer_D": self.D.optimizer.state_dict(),
            "objective": self.objective.state_dict(),
            "bad_update": self.bad_update,
            "update": self.update,
            "rows": self.rows,
        }

    def restore(self, saved: dict) -> None:
        self.G.network.load_state_dict(saved["G"])
        self.D.network.load_state_dict(saved["D"])
        self.average.load_state_dict(saved["average"])
        self.G.optimizer.load_state_dict(saved["optimizer_G"])
        self.D.optimizer.load_state_dict(saved["optimizer_D"])
        self.objective.load_state_dict(saved["objective"])
        self.bad_update.copy_(saved["bad_update"])
        self.update, self.rows = saved["update"], saved["rows"]


@dataclass(frozen=True)
class Recipe:
    """What a run is trained with: plain values, the blocks of params.yaml."""

    seed: int
    train: dict
    variant: dict
    shape: tuple[int, int, int]

    @property
    def hyperparameters(self) -> dict:
        return {k: v for k, v in self.variant.items() if k not in ("objective", "optimizer")}


def new_state(recipe: Recipe, device: torch.device) -> State:
    """Fresh networks, optimisers and objective. Initial weights are drawn on the CPU: the same on every device."""
    train, optimizer = recipe.train, recipe.variant["optimizer"]
    G = Generator(recipe.shape, train["z_dim"], train["width"])
    D = Discriminator(recipe.shape, train["width"], train["hidden"])
    initialise(G, generator("initial G", recipe.seed))
    initialise(D, generator("initial D", recipe.seed))
    objective = objectives.load(recipe.variant["objective"], recipe.hyperparameters).to(device)
    objective.check_discriminator(D)
    G, D = G.to(device).train(), D.to(device).train()
    return State(
        Player(G, new_optimizer(G, optimizer, optimizer["lr_g"]), optimizer["lr_g"]),
        Player(D, new_optimizer(D, optimizer, optimizer["lr_d"]), optimizer["lr_d"]),
        copy.deepcopy(G),
        train["ema_decay"],
        optimizer["half_life"],
        train["precision"],
        objective,
        torch.zeros((), dtype=torch.int64, device=device),
        update=0,
        rows=[],
    )


def new_optimizer(network: nn.Module, block: dict, learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser that a variant's block names."""
    weights = list(network.parameters())
    match block["name"]:
        case "adam":
            return torch.optim.Adam(weights, learning_rate, betas=tuple(block["betas"]), fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(weights, learning_rate, alpha=block["alpha"], foreach=True)


@torch.no_grad()
def update_ema(state: State) -> None:
    """Move the average towards G's weights, by 1 - decay, by more at the beginning; a decay of 0 makes it G itself."""
    torch._foreach_lerp_(list(state.average.parameters()), list(state.G.network.parameters()), state.pull())


@torch.no_grad()
def note_first_bad_update(state: State, losses: list[Tensor]) -> None:
    """Record on the device the first update in which a loss or a weight is not finite, without asking the host.

    `losses`: of every critic step and of the generator step. An infinite one may leave no trace in any weight.
    """
    weights = [*state.G.network.parameters(), *state.D.network.parameters()]
    total = sum(losses) + nn.utils.get_total_norm(weights)  # finite when every one of them is
    bad_now = (state.bad_update == 0) & ~torch.isfinite(total)
    state.bad_update.copy_(torch.where(bad_now, state.update, state.bad_update))


def has_diverged(state: State) -> bool:
    """Ask the device: a synchronisation, for the updates that are written down only."""
    return bool(state.bad_update)
