"""The one training loop: every variant, resumable, the same bytes whether it was interrupted or not.

The loop knows no objective by name. Every draw is a function of (seed, update, critic step), so nothing random needs
to be stored, and evaluating or logging more often changes nothing.
"""

import copy
import csv
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from ganspeed import memory, objectives
from ganspeed.checkpoints import Checkpoints
from ganspeed.convolutions import suited_to
from ganspeed.errors import Stopped
from ganspeed.files import write_atomically
from ganspeed.grid import of_block
from ganspeed.networks import NORM_BATCH, Discriminator, Generator, initialise, measure_statistics
from ganspeed.objectives import Batch, Objective, Terms, gradient_norm, interpolate
from ganspeed.pictures import SIDE, tile
from ganspeed.randomness import generator, reproducible

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on a GPU

PROFILE = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights of the real sample where the critic's gradient norm is logged
PROFILED = 16  # samples of a batch that it is the mean over: with the usual 64 a row would cost twice as much
GENERATOR_STEP = -1  # stands for the critic step in the generator step's draws, whatever n_critic is


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


class Draws:
    """Real batches, z and u as functions of (seed, update, step)."""

    def __init__(self, seed: int, batch_size: int, z_dim: int, images: Tensor, labels: Tensor):
        self.seed, self.batch_size, self.z_dim = seed, batch_size, z_dim
        self.images, self.labels = images, labels

    def z(self, update: int, step: int) -> Tensor:
        """(batch_size, z_dim), standard normal."""
        g = generator("z", self.seed, update, step, device=self.images.device)
        return torch.randn(self.batch_size, self.z_dim, generator=g, device=self.images.device)

    def batch(self, update: int, step: int, fake: Callable[[Tensor], Tensor]) -> Batch:
        """Real images drawn with replacement, uniform u, and what `fake` makes of z."""
        device, n = self.images.device, self.batch_size
        order = generator("order", self.seed, update, step, device=device)
        index = torch.randint(len(self.images), (n,), generator=order, device=device)
        u = torch.rand(n, 1, 1, 1, generator=generator("u", self.seed, update, step, device=device), device=device)
        z = self.z(update, step)
        return Batch(self.images[index], fake(z), z, u, self.labels[index])


def train(run: "Run", stopping: Callable[[], bool] = lambda: False) -> Outcome:
    """Train one run to its end. When `stopping`, asked after every update, says so, it is saved and Stopped raised."""
    while run.goes_on:
        step, stops = one_update(run.state, run.draws), stopping()
        if run.due(stops):
            run.record(step, stops)
        if stops and not run.has_diverged:
            raise Stopped
    return run.end()


class Run:
    """One run, whichever engine moves its state: from where it goes on, and what of it is written down.

    It is trained on the device where `images` (N, C, H, W) in [-1, 1] and `labels` (N,) lie. Writes history.csv,
    snapshots/, samples/ and samples.gif into `folder`; goes on from the newest of `checkpoints`, and raises
    CheckpointError when it cannot. `on_row` is called with every row of the history as it comes.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Tensor,
        labels: Tensor,
        folder: Path,
        checkpoints: Checkpoints,
        on_row: Callable[[dict[str, float]], None],
    ):
        reproducible(tf32=recipe.train["precision"] == "tf32")
        memory.keep_freed()
        self.recipe, self.folder, self.checkpoints, self.on_row = recipe, folder, checkpoints, on_row
        self.state = new_state(recipe, images.device)
        if (saved := checkpoints.load(images.device)) is not None:
            self.state.restore(saved)
        self.draws = Draws(recipe.seed, recipe.train["batch_size"], recipe.train["z_dim"], images, labels)
        self.camera = Camera(recipe, folder, images.device)
        self.has_diverged = False
        if self.state.update == 0:
            self.camera.photograph(self.state.average, 0)

    @property
    def goes_on(self) -> bool:
        return self.state.update < self.recipe.train["updates"] and not self.has_diverged

    def _logs(self) -> bool:
        train, update = self.recipe.train, self.state.update
        return update % train["log_every"] == 0 or update in (1, train["updates"])

    def _photographs(self) -> bool:
        return self.state.update in self.camera.grid

    def _saves(self, stops: bool) -> bool:
        return stops or self.state.update % self.recipe.train["checkpoint_every"] == 0

    def due(self, stops: bool) -> bool:
        """Whether anything of the update just done is to be written down."""
        return self._logs() or self.shows_weights(stops)

    def shows_weights(self, stops: bool) -> bool:
        """Whether what is to be written down needs more of the state than its number."""
        return self._photographs() or self._saves(stops)

    def record(self, step: Step, stops: bool) -> None:
        """Write down what is due of the update just done: nothing of the first bad one or of those after it."""
        state = self.state
        if diverged(state):
            self.has_diverged = True
            return
        if self._logs():
            state.rows.append(history_row(state.update, self.recipe, step))
            self.on_row(state.rows[-1])
        if self._photographs():
            self.camera.photograph(state.average, state.update)
        if self._saves(stops):
            self.checkpoints.save(state.update, state.tensors())

    def end(self) -> Outcome:
        self.camera.animate()
        write_history(self.folder / "history.csv", self.state.rows)
        return Outcome(int(self.state.bad_update) or None)


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


def one_update(state: State, draws: Draws) -> Step:
    """n_critic discriminator steps and one generator step; returns the last of each."""
    G, D, objective = state.G, state.D, state.objective
    state.update += 1
    device, rate, losses = draws.images.device, state.rate(), []
    for step in range(objective.n_critic):
        with torch.no_grad(), suited_to(device), passes_in(state.precision, device):
            batch = draws.batch(state.update, step, G.network)
        with passes_in(state.precision, device):
            critic = objective.discriminator_terms(D.network, batch)
        losses.append(critic.total())
        D.step(losses[-1], rate)
        objective.after_discriminator_step(D.network)
    with suited_to(device), passes_in(state.precision, device):
        adversary = objective.generator_terms(D.network, draws.batch(state.update, GENERATOR_STEP, G.network))
    losses.append(adversary.total())
    G.step(losses[-1], rate)
    follow(state)
    note_first_bad_update(state, losses)
    return Step(critic, adversary, batch, partial(gradient_profile, D.network, batch))


def passes_in(precision: str, device: torch.device) -> AbstractContextManager:
    """Inside, both networks' layers are computed in this precision; of TF32 `reproducible` has told torch already."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)  # else a cast made without gradient stays


@torch.no_grad()
def follow(state: State) -> None:
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


def diverged(state: State) -> bool:
    """Ask the device: a synchronisation, for the updates that are written down only."""
    return bool(state.bad_update)


def gradient_profile(D: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Mean gradient norm of D along the way from generated to real samples: one scalar for each point of PROFILE.

    One pass over x_hat = a x + (1 - a) x_fake for all a together, with the first derivative only. It draws nothing
    and changes nothing. D is the critic after the update's steps, the samples are the first PROFILED of the batch of
    its last critic step.
    """
    real, fake = batch.real[:PROFILED], batch.fake[:PROFILED]
    x_hat = torch.cat([interpolate(real, fake, a) for a in PROFILE])
    with suited_to(x_hat.device):
        norms = gradient_norm(D, x_hat, differentiable=False).chunk(len(PROFILE))
    return {f"profile_{a:.2f}": norm.mean() for a, norm in zip(PROFILE, norms, strict=True)}


def history_row(update: int, recipe: Recipe, step: Step) -> dict[str, float]:
    """One row of history.csv, of the update's last critic step and its generator step; one transfer to the host."""
    critic, adversary = step.critic, step.adversary
    named = {"d_loss": critic.total(), "g_loss": adversary.total(), "gap": critic.gap}
    named |= {f"d/{name}": term for name, term in critic.loss.items()}
    named |= {f"g/{name}": term for name, term in adversary.loss.items()}
    named |= {f"diagnostics/{name}": term for name, term in (critic.diagnostics | step.profile()).items()}
    values = torch.stack([term.detach().double() for term in named.values()]).tolist()
    d_updates = update * recipe.hyperparameters["n_critic"]
    counts = {"update": update, "d_updates": d_updates, "images_seen": d_updates * recipe.train["batch_size"]}
    return counts | dict(zip(named, values, strict=True))


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """history.csv: one line per logged update, floats written so that they read back exactly."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0] if rows else ["update"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_atomically(path, write)


class Camera:
    """Snapshots on the grid and sample grids at fixed z, all from one look at G that leaves training as it was."""

    def __init__(self, recipe: Recipe, folder: Path, device: torch.device):
        train = recipe.train
        grid = of_block(train)
        every = (len(grid) - 1) / max(1, train["sample_grids"] - 1)
        self.folder, self.grid = folder, set(grid)
        self.sampled = {grid[round(i * every)] for i in range(train["sample_grids"])} | {grid[-1]}
        self.norm_z = self._z("normalisation z", NORM_BATCH, train["z_dim"], device)
        self.sample_z = self._z("sample z", SIDE**2, train["z_dim"], device)

    @staticmethod
    def _z(purpose: str, n: int, z_dim: int, device: torch.device) -> Tensor:
        return torch.randn(n, z_dim, generator=generator(purpose)).to(device)

    @torch.no_grad()
    def photograph(self, G: Generator, update: int) -> None:
        """Write the snapshot of this update, and its sample grid where one is due."""
        with suited_to(self.norm_z.device):
            measure_statistics(G, self.norm_z)
        path = self.folder / "snapshots" / f"{update:07}.safetensors"
        state = {name: tensor.cpu().contiguous() for name, tensor in G.state_dict().items()}
        write_atomically(path, lambda temporary: save_file(state, temporary))
        if update in self.sampled:
            picture = tile(G.eval()(self.sample_z).cpu().numpy())
            G.train()
            write_atomically(self._sample(update), lambda temporary: picture.save(temporary, format="PNG"))

    def _sample(self, update: int) -> Path:
        return self.folder / "samples" / f"{update}.png"

    def animate(self) -> None:
        """samples.gif of the sample grids there are, half a second each, the last two seconds."""
        frames = [Image.open(path) for path in map(self._sample, sorted(self.sampled)) if path.exists()]
        durations = [500] * (len(frames) - 1) + [2000]
        write_atomically(
            self.folder / "samples.gif",
            lambda path: frames[0].save(
                path, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
            ),
        )
