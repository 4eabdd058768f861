"""The one training loop: every variant, resumable, the same bytes whether it was interrupted or not.

The loop knows no objective by name. Every draw is a function of (seed, update, critic step), so nothing random needs
to be stored, and evaluating or logging more often changes nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganspeed.errors import Stopped
from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import reproducible
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.draws import GENERATOR_STEP, Draws
from ganspeed.training.history import gradient_profile, history_row, write_history
from ganspeed.training.snapshots import SnapshotWriter
from ganspeed.training.state import (
    Outcome,
    Recipe,
    State,
    Step,
    has_diverged,
    new_state,
    note_first_bad_update,
    update_ema,
)


def train(run: "TrainingRun", stopping: Callable[[], bool] = lambda: False) -> Outcome:
    """Train one run to its end. When `stopping`, asked after every update, says so, it is saved and Stopped raised."""
    while run.goes_on:
        step, stops = one_update(run.state, run.draws), stopping()
        if run.due(stops):
            run.record(step, stops)
        if stops and not run.has_diverged:
            raise Stopped
    return run.end()


class TrainingRun:
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
        retain_freed_blocks()
        self.recipe, self.folder, self.checkpoints, self.on_row = recipe, folder, checkpoints, on_row
        self.state = new_state(recipe, images.device)
        if (saved := checkpoints.load(images.device)) is not None:
            self.state.restore(saved)
        self.draws = Draws(recipe.seed, recipe.train["batch_size"], recipe.train["z_dim"], images, labels)
        self.camera = SnapshotWriter(recipe, folder, images.device)
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
        if has_diverged(state):
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


def one_update(state: State, draws: Draws) -> Step:
    """n_critic discriminator steps and one generator step; returns the last of each."""
    G, D, objective = state.G, state.D, state.objective
    state.update += 1
    device, rate, losses = draws.images.device, state.rate(), []
    for step in range(objective.n_critic):
        with torch.no_grad(), fast_convolutions(device), autocast(state.precision, device):
            batch = draws.batch(state.update, step, G.network)
        with autocast(state.precision, device):
            critic = objective.discriminator_terms(D.network, batch)
        losses.append(critic.total())
        D.step(losses[-1], rate)
        objective.after_discriminator_step(D.network)
    with fast_convolutions(device), autocast(state.precision, device):
        adversary = objective.generator_terms(D.network, draws.batch(state.update, GENERATOR_STEP, G.network))
    losses.append(adversary.total())
    G.step(losses[-1], rate)
    update_ema(state)
    note_first_bad_update(state, losses)
    return Step(critic, adversary, batch, partial(gradient_profile, D.network, batch))


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Inside, both networks' layers are computed in this precision; of TF32 `reproducible` has told torch already."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)  # else a cast made without gradient stays
