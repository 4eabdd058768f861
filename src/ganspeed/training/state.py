"""Everything that training changes: networks, optimisers, the EMA of G's weights, the objective's state."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganspeed import objectives, optimizers, tricks
from ganspeed.networks.discriminator import new_discriminator
from ganspeed.networks.generator import Generator, new_generator
from ganspeed.networks.latents import Latents
from ganspeed.networks.layers import initialise
from ganspeed.objectives import Batch, Objective, Terms
from ganspeed.optimizers import Extras, Rule
from ganspeed.params.counts import Batches
from ganspeed.params.datasets import Train
from ganspeed.params.networks import Networks
from ganspeed.params.optimizers import PlayerOptimizer
from ganspeed.params.rates import Schedule
from ganspeed.params.variants import Variant
from ganspeed.system.determinism import generator
from ganspeed.training.counts import Counts
from ganspeed.training.draws import Draw, Noise
from ganspeed.training.inputs import StepInputs, noises, state_buffers
from ganspeed.training.probes import flat_vector
from ganspeed.training.rates import rate_factor
from ganspeed.training.snapshot_grid import COARSE_BELOW
from ganspeed.tricks import Trick


@dataclass(frozen=True)
class Recipe:
    """What a run is trained with, beside its images."""

    seed: int
    train: Train
    networks: Networks
    variant: Variant  # as Variant.method returns it
    shape: tuple[int, int, int]  # of an image, (C, H, W)
    classes: int = 0  # of the data set
    coarse_below: int = COARSE_BELOW  # of the snapshot grid

    @property
    def counts(self) -> Counts:
        """Critic steps and batch sizes of every update."""
        variant = self.variant
        return Counts(variant.n_critic, self.train.batch_size, variant.warm_start, variant.batches or Batches())

    @property
    def seen_classes(self) -> int:
        """Classes that both networks see; 0 where they see none."""
        return self.classes if self.networks.labels == "planes" else 0

    @property
    def latents(self) -> Latents:
        """What G is fed."""
        codes = objectives.codes(self.variant.objective, self.variant.hyperparameters())
        latent = self.networks.latent
        return Latents(latent.law, latent.dim, classes=self.seen_classes, **codes)


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `diverged_at` is the first update with a loss or a weight that is not finite."""

    diverged_at: int | None

    @property
    def status(self) -> str:
        return "completed" if self.diverged_at is None else "diverged"


@dataclass(frozen=True)
class Step:
    """What one update computed: the terms of its last discriminator step and of its generator step."""

    discriminator: Terms
    generator: Terms
    batch: Batch  # of the last discriminator step
    measures: Callable[[], dict[str, Tensor]]  # `row_measures` and probe/gradient_G; before the next update


@dataclass
class Player:
    """A network with its optimiser, in both forms, its initial learning rate, and what every step lends to it."""

    network: nn.Module
    rule: Rule
    optimizer: torch.optim.Optimizer
    learning_rate: float
    inputs: StepInputs

    def step(self, loss: Tensor, lr_factor: float = 1.0) -> None:
        """One optimiser step at `lr_factor` times the initial learning rate; no other network gets a gradient.

        `backward` gives each gradient the memory layout of its weight. One from `autograd.grad` may have another, and
        PyTorch's fused Adam on a CPU then reads it in the wrong order without an error.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * lr_factor
        self.optimizer.zero_grad()
        loss.backward(inputs=list(self.network.parameters()))
        self.rule.adjust(self.network.parameters())
        self.optimizer.step()

    def gradient_norm(self) -> Tensor:
        """Norm of the gradient of the last step, of all weights together, as the optimiser got it."""
        weights = self.network.parameters()
        return flat_vector(torch.zeros_like(w) if w.grad is None else w.grad for w in weights).norm()

    def lent(self, draw: Draw) -> nn.Module:
        """The network, which is lent what this step has drawn for it."""
        self.inputs.lend(self.network, draw)
        return self.network


@dataclass
class State:
    """Everything that training changes. Weights are always float32."""

    G: Player
    D: Player
    ema_generator: Generator  # G with the EMA of its weights: what snapshots and sample grids show, no part of training
    ema_decay: float
    schedule: Schedule  # of both learning rates
    updates: int  # of the whole run
    precision: str  # of both networks' layers
    objective: Objective
    tricks: tuple[Trick, ...]
    counts: Counts
    shape: tuple[int, int, int]  # of an image, (C, H, W)
    latent_dim: int  # numbers of noise in z
    bad_update: Tensor  # int64 scalar on the device: 0, or the first update that was not finite
    update: int  # updates done
    rows: list[dict[str, float]]  # of history.csv
    start: dict[str, Tensor]  # "G" and "D" → weights before the first update, (n,): no part of a checkpoint

    def lend(self, draw: Draw) -> None:
        """Lend both networks what this step has drawn for them."""
        for player in (self.G, self.D):
            player.lent(draw)

    def noises(self) -> dict[str, Noise]:
        """What each step draws beside real images, z and u."""
        networks = {"G": self.G.network, "D": self.D.network}
        return noises(networks, self.objective.draws, self.tricks, self.shape, self.latent_dim, self.updates)

    def buffers(self) -> dict[str, dict[str, Tensor]]:
        """What training changes, or steps read, beside weights and moments, by whose it is."""
        networks = {"G": self.G.network, "D": self.D.network}
        return {"objective": self.objective.state_dict()} | {n: state_buffers(m) for n, m in networks.items()}

    def lr_factor(self) -> float:
        """The present learning rates over the initial ones."""
        return rate_factor(self.schedule, self.update, self.updates)

    def ema_weight(self) -> float:
        """The weight of G's present weights in the EMA: 1 - ema_decay, and more in early updates."""
        return 1 - min(self.ema_decay, (1 + self.update) / (10 + self.update))  # else the initial weights stay long

    def tensors(self) -> dict:
        """What a checkpoint holds."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {"bad_update": self.bad_update, "update": self.update, "rows": self.rows}

    def restore(self, saved: dict) -> None:
        """Continue from what `tensors` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        self.bad_update.copy_(saved["bad_update"])
        self.update, self.rows = saved["update"], saved["rows"]

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        networks = {"G": self.G.network, "D": self.D.network, "ema_generator": self.ema_generator}
        optimizers = {"optimizer_G": self.G.optimizer, "optimizer_D": self.D.optimizer}
        return networks | optimizers | {"objective": self.objective}


def new_state(recipe: Recipe, images: Tensor) -> State:
    """New networks, optimisers and objective. Initial weights are drawn on the CPU: the same on every device.

    images: those of training, (N, C, H, W), on the device of the run.
    """
    train, optimizer, device = recipe.train, recipe.variant.optimizer, images.device
    objective = objectives.load(recipe.variant.objective, recipe.variant.hyperparameters()).to(device)
    G = new_generator(recipe.networks, recipe.shape, recipe.latents.size)
    D = new_discriminator(recipe.networks, recipe.shape, recipe.seen_classes, objective.heads())
    for name, network in (("G", G), ("D", D)):
        initialise(network, generator(f"initial {name}", recipe.seed), recipe.networks.init)
        network.to(device).train().range.measure(images)
    objective.check_discriminator(D)
    return State(
        G=new_player(G, "G", optimizer.G),
        D=new_player(D, "D", optimizer.D),
        ema_generator=copy.deepcopy(G),
        ema_decay=train.ema_decay,
        schedule=optimizer.schedule,
        updates=train.updates,
        precision=train.precision,
        objective=objective,
        tricks=tuple(tricks.load(name, keys) for name, keys in recipe.variant.used_tricks().items()),
        counts=recipe.counts,
        shape=recipe.shape,
        latent_dim=recipe.networks.latent.dim,
        bad_update=torch.zeros((), dtype=torch.int64, device=device),
        update=0,
        rows=[],
        start={"G": flat_vector(G.parameters()), "D": flat_vector(D.parameters())},
    )


def new_player(network: nn.Module, name: str, block: PlayerOptimizer) -> Player:
    """G or D, by this name, with the optimiser that its block describes."""
    rule = optimizers.load(block.name, block.hyperparameters(), Extras(**block.extras()))
    optimizer = rule.torch_optimizer(list(network.parameters()), block.lr)
    return Player(network, rule, optimizer, block.lr, StepInputs(network, name))


@torch.no_grad()
def update_ema(state: State) -> None:
    """Move the EMA towards G's weights by `ema_weight`; a decay of 0 makes it G itself."""
    weights, ema = list(state.G.network.parameters()), list(state.ema_generator.parameters())
    torch._foreach_lerp_(ema, weights, state.ema_weight())


@torch.no_grad()
def note_bad_update(state: State, losses: list[Tensor]) -> None:
    """Record on the device the first update in which a loss or a weight is not finite, without a host sync.

    losses: of every discriminator step and of the generator step. An infinite one may leave no trace in any weight.
    """
    weights = [*state.G.network.parameters(), *state.D.network.parameters()]
    total = sum(losses) + nn.utils.get_total_norm(weights)  # finite when every one of them is
    bad_now = (state.bad_update == 0) & ~torch.isfinite(total)
    state.bad_update.copy_(torch.where(bad_now, state.update, state.bad_update))
