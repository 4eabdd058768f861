"""The one training loop: every variant, resumable, the same bytes whether it was interrupted or not.

The loop knows no objective by name. Every draw is a function of (seed, update, step), so a checkpoint holds no
generator state, and logging or writing snapshots more often changes nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from ganspeed.errors import Stopped
from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.objectives import Batch
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import reproducible
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.draws import GENERATOR_STEP, Draws, HeldOut
from ganspeed.training.history import first_row, history_row, row_measures, write_history
from ganspeed.training.lint import is_linted, lint
from ganspeed.training.sample_grids import write_gif
from ganspeed.training.snapshots import SnapshotWriter
from ganspeed.training.state import Outcome, Recipe, State, Step, new_state, note_bad_update, update_ema
from ganspeed.tricks import shown, with_terms

OnRow = Callable[[dict[str, float]], None]


def train(run: "TrainingRun", stop_requested: Callable[[], bool] = lambda: False) -> Outcome:
    """Train one run to its end.

    `stop_requested` is called after every update; once it is true, a checkpoint is saved and Stopped raised.
    """
    while run.is_running:
        step, stop = one_update(run.state, run.draws), stop_requested()
        if run.is_recorded(stop):
            run.record(step, stop)
        if stop and not run.diverged:
            raise Stopped
    return run.finish()


# The twin of this function is engines/functional.Steps, called by engines/vmapped.Lanes.one_update: the same update as
# functions of tensors. Change them together.
def one_update(state: State, draws: Draws) -> Step:
    """Discriminator steps, as many as the counts say, and one generator step; returns the last of each."""
    G, D, objective = state.G.network, state.D.network, state.objective
    state.update += 1
    lr_factor, losses = state.lr_factor(), []

    for step in range(state.counts.critic_steps(state.update)):
        draw = draws(state.update, step)
        state.lend(draw)
        with torch.no_grad(), arithmetic(state):
            batch = Batch(draw.real, G(draw.z), draw.z, draw.u, draw.labels, draw.others)
        with arithmetic(state, fast=False):  # torch's own gradients by the weights are faster here
            discriminator = objective.discriminator_terms(D, shown(state.tricks, D, batch, "D"))
        losses.append(discriminator.total())
        state.D.step(losses[-1], lr_factor)
        objective.after_discriminator_step(D)
        D.after_step()

    drawn = draws(state.update, GENERATOR_STEP)
    state.lend(drawn)
    with arithmetic(state):
        clean = Batch(drawn.real, G(drawn.z), drawn.z, drawn.u, drawn.labels, drawn.others)
        generator = objective.generator_terms(D, shown(state.tricks, D, clean, "G"))
        generator = with_terms(generator, state.tricks, G, D, clean)
    losses.append(generator.total())
    state.G.step(losses[-1], lr_factor)

    update_ema(state)
    note_bad_update(state, losses)

    def measures() -> dict[str, Tensor]:
        networks = state.G.lent, state.D.lent
        of_row = row_measures(*networks, objective, draw, batch.fake, draws.held_out, state.start)
        return of_row | {"probe/gradient_G": state.G.gradient_norm()}

    return Step(discriminator, generator, batch, measures)


@contextmanager
def arithmetic(state: State, fast: bool = True) -> Iterator[None]:
    """Inside, layers are computed in the run's precision, and with `fast` by `fast_convolutions`; no weight may change.

    Autocast has no cache, or casts made without gradients would be used again. `reproducible` sets TF32.
    """
    device, is_low = state.bad_update.device, state.precision == "bfloat16"
    autocast = torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if is_low else nullcontext()
    with fast_convolutions(device) if fast else nullcontext(), autocast:
        yield


class TrainingRun:
    """One run, whichever engine updates its state: where it resumes, and what is recorded of it.

    It is trained on the device of `images` (N, C, H, W) in [-1, 1] and `labels` (N,). Writes history.csv, snapshots/,
    samples/ and samples.gif into `folder`. Resumes from the newest of `checkpoints`; raises CheckpointError when it
    cannot. `on_row` is called with every row of the history as it is logged. `held_out`: images that are scored by D at
    logged rows, on the same device, and reach no step.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Tensor,
        labels: Tensor,
        folder: Path,
        checkpoints: Checkpoints,
        on_row: OnRow,
        held_out: HeldOut = (),
    ):
        reproducible(tf32=recipe.train.precision == "tf32")
        retain_freed_blocks()
        self.recipe, self.folder, self.checkpoints, self.on_row = recipe, folder, checkpoints, on_row
        self.state = new_state(recipe, images)
        checkpoints.resume(self.state)
        self.draws = Draws(recipe.seed, recipe.counts, recipe.latents, images, labels, self.state.noises(), held_out)
        self.snapshots = SnapshotWriter(recipe, folder, labels)
        self.diverged = False
        if self.state.update == 0:
            self.snapshots.write(self.state.ema_generator, 0)
            self._log(first_row(self.state, self.draws(1, 0), held_out))

    @property
    def is_running(self) -> bool:
        return self.state.update < self.recipe.train.updates and not self.diverged

    def is_recorded(self, stop: bool) -> bool:
        """Whether anything of the update just done is to be recorded; `stop`: a checkpoint in any case."""
        return self._is_logged or self.needs_weights(stop)

    def needs_weights(self, stop: bool) -> bool:
        """Whether weights of the update just done are to be recorded, in a snapshot or a checkpoint, or linted."""
        linted = is_linted(self.state.update, self.recipe.train)
        return linted or self._has_snapshot or self._has_checkpoint(stop)

    def record(self, step: Step, stop: bool) -> None:
        """Log the update just done, write its snapshot and save its checkpoint, each if due; nothing once diverged."""
        state = self.state
        if state.bad_update:  # a host sync, so only for updates of which something is recorded
            self.diverged = True
            return
        if self._is_logged:
            self._log(history_row(state.update, self.recipe, step))
        if self._has_snapshot:
            self.snapshots.write(state.ema_generator, state.update)
        if self._has_checkpoint(stop):
            self.checkpoints.save(state.update, state.tensors())

    def finish(self) -> Outcome:
        """Write samples.gif and history.csv."""
        write_gif(self.snapshots.sample_grids(), self.folder / "samples.gif")
        write_history(self.folder / "history.csv", self.state.rows)
        return Outcome(int(self.state.bad_update) or None)

    def _log(self, row: dict[str, float]) -> None:
        """Add a row to the history, with the lint of the networks if it is due."""
        update = self.state.update
        if is_linted(update, self.recipe.train):
            last = self.recipe.counts.critic_steps(update) - 1 if update else 0
            row |= lint(self.state, self.draws(max(1, update), last))
        self.state.rows.append(row)
        self.on_row(row)

    @property
    def _is_logged(self) -> bool:
        train, update = self.recipe.train, self.state.update
        return update % train.log_every == 0 or update in (1, train.updates)

    @property
    def _has_snapshot(self) -> bool:
        return self.state.update in self.snapshots.snapshot_updates

    def _has_checkpoint(self, stop: bool) -> bool:
        return stop or self.state.update % self.recipe.train.checkpoint_every == 0
