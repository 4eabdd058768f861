"""Seeds of one variant at once in one process: both steps vmapped over them, traced once, and compiled if asked.

A lane computes the same bytes beside any other lanes and at any index: nothing is summed over lanes. Each run has the
State of the eager loop, which `sync_state` brings up to date when something of it is to be recorded, so that
checkpoints, histories and snapshots have one format. Each step and the measures of a row are traced on their own, once,
whatever the number of steps is; where batches grow, once for each of their sizes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ganspeed.errors import Stopped
from ganspeed.objectives import Batch, Terms
from ganspeed.optimizers import Moments, Scalars
from ganspeed.training.draws import GENERATOR_STEP, Draw
from ganspeed.training.engines.choose import lane_count
from ganspeed.training.engines.functional import FlatParameters, moments_of
from ganspeed.training.engines.tracing import traced_steps
from ganspeed.training.loop import TrainingRun
from ganspeed.training.state import Outcome, Player, Step


def train_side_by_side(
    runs: list[TrainingRun], engine: str, stop_requested: Callable[[], bool], on_end: Callable[[int, Outcome], None]
) -> None:
    """`loop.train` for runs of one variant, at most as many as the engine has lanes.

    `on_end` is called with the index of each run that ends. `stop_requested` is called after every update; once it is
    true, each running run saves a checkpoint and Stopped is raised.
    """
    for group in in_step(runs):
        _train_group(runs, group, engine, stop_requested, on_end)


def in_step(runs: list[TrainingRun]) -> list[list[int]]:
    """The runs by index, all in one group, or those of one update in a group where an update is not like another."""
    if runs[0].recipe.counts.is_constant:
        return [list(range(len(runs)))]
    groups: dict[int, list[int]] = {}
    for i, run in enumerate(runs):
        groups.setdefault(run.state.update, []).append(i)
    return list(groups.values())


def _train_group(
    all_runs: list[TrainingRun],
    group: list[int],
    engine: str,
    stop_requested: Callable[[], bool],
    on_end: Callable[[int, Outcome], None],
) -> None:
    runs = [all_runs[i] for i in group]
    lanes, running = Lanes(runs, engine), set(range(len(runs)))
    while True:
        for lane in [lane for lane in running if not runs[lane].is_running]:
            running.remove(lane)
            on_end(group[lane], runs[lane].finish())
        if not running:
            return
        lanes.one_update()
        stop = stop_requested()
        for lane in sorted(running):
            if runs[lane].is_recorded(stop):
                lanes.sync_state(lane, runs[lane].needs_weights(stop))
                runs[lane].record(lanes.step(lane), stop)
        if stop and any(not runs[lane].diverged for lane in running):
            raise Stopped


class Lanes:
    """Runs of one variant, at most as many as the engine has lanes; copies of the first fill the lanes that remain."""

    def __init__(self, runs: list[TrainingRun], engine: str):
        self.runs, self.recipe = runs, runs[0].recipe
        self.run_of_lane = [*range(len(runs)), *[0] * (lane_count(engine) - len(runs))]  # lane → index of its run
        states = [run.state for run in runs]
        self.G, self.D = FlatParameters(states[0].G.network, "G"), FlatParameters(states[0].D.network, "D")
        self.g = self._stack([self.G.vector(state.G.network.parameters()) for state in states])
        self.d = self._stack([self.D.vector(state.D.network.parameters()) for state in states])
        self.ema = self._stack([self.G.vector(state.ema_generator.parameters()) for state in states])
        self.moments_g = self._stack_named([moments_of(self.G, state.G) for state in states])
        self.moments_d = self._stack_named([moments_of(self.D, state.D) for state in states])
        buffers = [state.buffers() for state in states]
        self.buffers = {part: self._stack_named([b[part] for b in buffers]) for part in buffers[0]}
        self.bad_update = self._stack([state.bad_update for state in states])
        self.start = self._stack_named([state.start for state in states])
        self.held_out = tuple(self._stack(tensors) for tensors in zip(*(r.draws.held_out for r in runs), strict=True))
        self.engine, self.sizes = engine, None
        self._take_steps_for(states[0].update + 1)

    # The twin of `loop.one_update`, with engines/functional.Steps. Change them together.
    @torch.no_grad()
    def one_update(self) -> None:
        """Discriminator steps, as many as the counts say, and one generator step in every lane."""
        self.measured = None
        states = [run.state for run in self.runs]
        G, D, counts = states[0].G, states[0].D, states[0].counts  # the same in every lane, as rules and rates are
        for state in states:
            state.update += 1
        total = 0.0  # of all losses, (lanes,): finite when every one of them is

        self._take_steps_for(states[0].update)

        for step in range(counts.critic_steps(states[0].update)):
            scalars = self._scalars(D, [counts.d_updates(state.update - 1) + step + 1 for state in states])
            self.draw = self._draw(step)
            self.d_step = self.discriminator_step(self.g, self.d, self.moments_d, self.buffers, self.draw, scalars)
            self.d, self.moments_d, self.buffers, loss, *_ = self.d_step
            total = total + loss

        scalars, draw = self._scalars(G, [state.update for state in states]), self._draw(GENERATOR_STEP)
        self.g_step = self.generator_step(self.g, self.d, self.moments_g, self.buffers, draw, scalars)
        self.g, self.moments_g, loss, *_ = self.g_step

        self.ema = torch.lerp(self.ema, self.g, self._stack([torch.tensor([s.ema_weight()]) for s in states]))
        bad_now = ~torch.isfinite(total + loss + self.g.norm(dim=1) + self.d.norm(dim=1))
        updates = self._stack([torch.tensor(state.update) for state in states])
        self.bad_update = torch.where((self.bad_update == 0) & bad_now, updates, self.bad_update)

    def _take_steps_for(self, update: int) -> None:
        """Take the traced steps for the batches of this update, unless they are taken already."""
        counts = self.runs[0].state.counts
        if (sizes := (counts.batch_of("D", update), counts.batch_of("G", update))) != self.sizes:
            self.sizes = sizes
            with torch.enable_grad():
                count = len(self.held_out[0][0]) if self.held_out else 0
                steps = traced_steps(replace(self.recipe, seed=0), self.engine, *sizes, count)
            self.discriminator_step, self.generator_step, self.measures = steps

    def sync_state(self, lane: int, weights: bool) -> None:
        """Bring the State of this lane's run up to date; without `weights`, only its `bad_update`."""
        state, steps = self.runs[lane].state, self.runs[lane].state.update
        state.bad_update.copy_(self.bad_update[lane])
        if not weights:
            return
        load_player(self.G, state.G, self.g[lane], lane_of(self.moments_g, lane), steps)
        load_player(self.D, state.D, self.d[lane], lane_of(self.moments_d, lane), state.counts.d_updates(steps))
        load_weights(state.ema_generator, self.G, self.ema[lane])
        for part, own in state.buffers().items():
            for name, value in lane_of(self.buffers[part], lane).items():
                own[name].copy_(value)

    def step(self, lane: int) -> Step:
        """What the update just done computed in this lane."""
        d_step, generator = self.d_step, Terms(lane_of(self.g_step.loss, lane))
        discriminator = Terms(lane_of(d_step.loss, lane), lane_of(d_step.diagnostics, lane), d_step.gap[lane])
        real, z, u, labels = (drawn[lane] for drawn in self.draw[:4])
        batch = Batch(real, d_step.fake[lane], z, u, labels, lane_of(self.draw.others, lane))
        return Step(discriminator, generator, batch, partial(self._measures_of, lane))

    @torch.no_grad()
    def _measures_of(self, lane: int) -> dict[str, Tensor]:
        """What is measured at a logged row of one lane; that of all lanes is computed at once."""
        if self.measured is None:
            fake, weights = self.d_step.fake, (self.g, self.d, self.start)
            self.measured = self.measures(*weights, self.buffers, self.draw, fake, self.held_out)
            self.measured["probe/gradient_G"] = self.g_step.gradient_norm
        return lane_of(self.measured, lane)

    def _stack(self, tensors: list[Tensor]) -> Tensor:
        """One tensor of each run → one with a row for each lane."""
        return torch.stack([tensors[run] for run in self.run_of_lane])

    def _stack_named(self, named: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {name: self._stack([tensors[name] for tensors in named]) for name in named[0]}

    def _draw(self, step: int) -> Draw:
        draws = [run.draws(run.state.update, step) for run in self.runs]
        others = self._stack_named([draw.others for draw in draws])
        return Draw(*(self._stack(tensors) for tensors in list(zip(*draws, strict=True))[:4]), others)

    def _scalars(self, player: Player, steps: list[int]) -> Scalars:
        """player: of any run; steps: the number of each run's optimiser step, counted from 1."""
        rates = [player.learning_rate * run.state.lr_factor() for run in self.runs]
        rows = [player.rule.scalars(rate, t) for rate, t in zip(rates, steps, strict=True)]
        return tuple(self._stack([torch.tensor(value) for value in column]) for column in zip(*rows, strict=True))


def lane_of(named: dict[str, Tensor], lane: int) -> dict[str, Tensor]:
    return {name: tensor[lane] for name, tensor in named.items()}


def load_player(flat: FlatParameters, player: Player, weights: Tensor, moments: Moments, steps: int) -> None:
    """Give a player these weights and moments, (n,) each, as they are after so many steps of its optimiser."""
    load_weights(player.network, flat, weights)
    shaped = {name: flat.named(vector) for name, vector in moments.items()}
    for name, weight in player.network.named_parameters():
        own = {moment: named[name].clone() for moment, named in shaped.items()}
        player.optimizer.state[weight] = player.rule.torch_state(own, steps)


@torch.no_grad()
def load_weights(network: torch.nn.Module, flat: FlatParameters, weights: Tensor) -> None:
    for weight, new in zip(network.parameters(), flat.named(weights).values(), strict=True):
        weight.copy_(new)
