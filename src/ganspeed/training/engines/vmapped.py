"""Seeds of one variant at once in one process: both steps vmapped over them, traced once, and compiled if asked.

A lane computes what it would beside any neighbours, in any place: nothing is summed over lanes. Each run keeps the
State of the eager loop, brought up to date (`settle`) when something of it is to be written down, so that checkpoints,
histories and snapshots have one format. Steps and gradient profile are traced apart, each once, whatever n_critic is.
"""

import json
import logging
import os
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor
from torch.func import functionalize, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from ganspeed.errors import Stopped
from ganspeed.networks.fast_convolutions import FastConvolutions
from ganspeed.objectives import Batch, Terms
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.engines.choose import COMPILED, lane_count
from ganspeed.training.engines.functional import (
    MOMENTS,
    Draw,
    FlatParameters,
    Moments,
    Steps,
    StepScalars,
    step_scalars,
)
from ganspeed.training.loop import TrainingRun
from ganspeed.training.state import Outcome, Player, Recipe, Step, new_state

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # other cores have work of their own
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of every CUDA that has no GPU

# Operations in place that vmap has no rule for; and the same out of place.
OUT_OF_PLACE = {torch.Tensor.clamp_: torch.clamp, torch.Tensor.lerp_: torch.lerp}


def train_side_by_side(
    runs: list[TrainingRun], engine: str, stopping: Callable[[], bool], ended: Callable[[int, Outcome], None]
) -> None:
    """`training.train` for runs of one variant, at most as many as the engine has lanes.

    `ended` is told the place of each that ends, as it does. When `stopping`, asked after every update, says so, each
    run that goes on writes a checkpoint and Stopped is raised.
    """
    lanes, going = Lanes(runs, engine), set(range(len(runs)))
    while True:
        for lane in [lane for lane in going if not runs[lane].goes_on]:
            going.remove(lane)
            ended(lane, runs[lane].end())
        if not going:
            return
        lanes.one_update()
        stops = stopping()
        for lane in sorted(going):
            if runs[lane].due(stops):
                lanes.settle(lane, runs[lane].shows_weights(stops))
                runs[lane].record(lanes.step(lane), stops)
        if stops and any(not runs[lane].has_diverged for lane in going):
            raise Stopped


class Lanes:
    """Runs of one variant, at most as many as the engine has lanes; copies of the first one fill what is left."""

    def __init__(self, runs: list[TrainingRun], engine: str):
        self.runs, self.recipe = runs, runs[0].recipe
        self.places = [*range(len(runs)), *[0] * (lane_count(engine) - len(runs))]  # lane → its run
        states = [run.state for run in runs]
        self.G, self.D = FlatParameters(states[0].G.network), FlatParameters(states[0].D.network)
        self.g = self._stack([self.G.vector(state.G.network.parameters()) for state in states])
        self.d = self._stack([self.D.vector(state.D.network.parameters()) for state in states])
        self.average = self._stack([self.G.vector(state.average.parameters()) for state in states])
        self.moments_g = self._stack_each([moments_of(self.G, state.G) for state in states])
        self.moments_d = self._stack_each([moments_of(self.D, state.D) for state in states])
        self.objective = self._stack_each([state.objective.state_dict() for state in states])
        self.bad_update = self._stack([state.bad_update for state in states])
        blocks = json.dumps([self.recipe.train, self.recipe.variant, self.recipe.shape])
        self.critic, self.generator, self.profile = traced_steps(blocks, engine)

    @torch.no_grad()
    def one_update(self) -> None:
        """training.one_update in every lane."""
        self.profiles = None
        states, n_critic = [run.state for run in self.runs], self.recipe.hyperparameters["n_critic"]
        for state in states:
            state.update += 1
        total = 0.0  # of all losses, a value for each lane: finite when every one of them is
        for step in range(n_critic):
            rate = self._rate([(state.D, (state.update - 1) * n_critic + step + 1, state.rate()) for state in states])
            self.draw = self._draw(step)
            self.d, self.moments_d, self.objective, loss, self.critic_terms, self.fake = self.critic(
                self.g, self.d, self.moments_d, self.objective, self.draw, rate
            )
            total = total + loss
        rate = self._rate([(state.G, state.update, state.rate()) for state in states])
        self.g, self.moments_g, loss, self.generator_loss = self.generator(
            self.g, self.d, self.moments_g, self.objective, self._draw(GENERATOR_STEP), rate
        )
        pull = self._stack([torch.tensor([state.pull()]) for state in states])
        self.average = torch.lerp(self.average, self.g, pull)
        bad_now = ~torch.isfinite(total + loss + self.g.norm(dim=1) + self.d.norm(dim=1))
        updates = self._stack([torch.tensor(state.update) for state in states])
        self.bad_update = torch.where((self.bad_update == 0) & bad_now, updates, self.bad_update)

    def settle(self, lane: int, weights: bool) -> None:
        """Bring the State of this lane's run up to date; without `weights` only whether it was a bad update."""
        state, steps = self.runs[lane].state, self.runs[lane].state.update
        state.bad_update.copy_(self.bad_update[lane])
        if not weights:
            return
        n_critic = self.recipe.hyperparameters["n_critic"]
        load_player(self.G, state.G, self.g[lane], lane_of(self.moments_g, lane), steps)
        load_player(self.D, state.D, self.d[lane], lane_of(self.moments_d, lane), steps * n_critic)
        load_weights(state.average, self.G, self.average[lane])
        state.objective.load_state_dict(lane_of(self.objective, lane))

    def step(self, lane: int) -> Step:
        """What the update just done did in this lane."""
        loss, diagnostics, gap = self.critic_terms
        critic = Terms(lane_of(loss, lane), lane_of(diagnostics, lane), gap[lane])
        real, z, u, labels = (drawn[lane] for drawn in self.draw)
        batch = Batch(real, self.fake[lane], z, u, labels)
        return Step(critic, Terms(lane_of(self.generator_loss, lane)), batch, partial(self._profile_of, lane))

    @torch.no_grad()
    def _profile_of(self, lane: int) -> dict[str, Tensor]:
        """The gradient profile of one lane, of which those of all lanes are made at once."""
        self.profiles = self.profiles or self.profile(self.d, self.draw, self.fake)
        return lane_of(self.profiles, lane)

    def _stack(self, tensors: list[Tensor]) -> Tensor:
        """One tensor of each run → one with a row for each lane."""
        return torch.stack([tensors[place] for place in self.places])

    def _stack_each(self, named: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {name: self._stack([tensors[name] for tensors in named]) for name in named[0]}

    def _draw(self, step: int) -> Draw:
        batches = [run.draws.batch(run.state.update, step, lambda z: z) for run in self.runs]
        return tuple(self._stack([getattr(batch, name) for batch in batches]) for name in ("real", "z", "u", "labels"))

    def _rate(self, steps: list[tuple[Player, int, float]]) -> StepScalars:
        """Of each run: the player, the number of its step, and what is left of its first learning rate."""
        block = self.recipe.variant["optimizer"]
        rows = [step_scalars(block, player.learning_rate * left, t) for player, t, left in steps]
        return tuple(self._stack([torch.tensor(row[i]) for row in rows]) for i in range(len(rows[0])))


def lane_of(named: dict[str, Tensor], lane: int) -> dict[str, Tensor]:
    return {name: tensor[lane] for name, tensor in named.items()}


def moments_of(flat: FlatParameters, player: Player) -> Moments:
    """A player's moments as vectors (n,); zeros before its first step."""
    weights, kept = list(player.network.parameters()), player.optimizer.state
    names = MOMENTS["adam" if isinstance(player.optimizer, torch.optim.Adam) else "rmsprop"]
    return {name: flat.vector(kept[w][name] if kept else torch.zeros_like(w) for w in weights) for name in names}


def load_player(flat: FlatParameters, player: Player, weights: Tensor, moments: Moments, steps: int) -> None:
    """Give a player these weights and moments, (n,) each, as they are after so many of its steps."""
    load_weights(player.network, flat, weights)
    shaped = {name: flat.named(vector) for name, vector in moments.items()}
    for name, weight in player.network.named_parameters():
        kept = {moment: named[name].clone() for moment, named in shaped.items()}
        player.optimizer.state[weight] = {"step": torch.tensor(float(steps)), **kept}


@torch.no_grad()
def load_weights(network: torch.nn.Module, flat: FlatParameters, weights: Tensor) -> None:
    for weight, new in zip(network.parameters(), flat.named(weights).values(), strict=True):
        weight.copy_(new)


class InPlaceForVmap(TorchFunctionMode):
    """While inside, operations in place that vmap would do lane by lane are done out of place and copied."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in OUT_OF_PLACE:
            return arguments[0].copy_(OUT_OF_PLACE[function](*arguments, **(keywords or {})))
        return function(*arguments, **(keywords or {}))


@cache
def traced_steps(blocks: str, engine: str) -> tuple[Callable, Callable, Callable]:
    """A variant's Steps over the engine's lanes: critic, generator, profile. `blocks`: as JSON, so that it is a key."""
    train, variant, shape = json.loads(blocks)
    state = new_state(Recipe(0, train, variant, tuple(shape)), torch.device("cpu"))
    G, D = FlatParameters(state.G.network), FlatParameters(state.D.network)
    steps = Steps(G, D, state.objective, variant["optimizer"])

    n = train["batch_size"]
    real, z, u = torch.zeros(n, *shape), torch.zeros(n, train["z_dim"]), torch.zeros(n, 1, 1, 1)
    draw = (real, z, u, torch.zeros(n, dtype=torch.int64))
    g, d = G.vector(G.network.parameters()), D.vector(D.network.parameters())
    rate = tuple(torch.ones(()) for _ in step_scalars(variant["optimizer"], 1.0, 1))
    buffers = {name: buffer.clone() for name, buffer in state.objective.state_dict().items()}
    state.objective.discriminator_terms(D.network, Batch(real, real, z, u, draw[-1]))  # makes what it makes once

    lanes, compiles = lane_count(engine), engine.startswith(COMPILED)
    return (
        over_lanes(steps.critic, (g, d, moments_of(D, state.D), buffers, draw, rate), lanes, compiles),
        over_lanes(steps.generator, (g, d, moments_of(G, state.G), buffers, draw, rate), lanes, compiles),
        over_lanes(steps.profile, (d, draw, real), lanes, False),  # too seldom to be worth compiling
    )


def over_lanes(step: Callable, example: tuple, lanes: int, compiles: bool) -> Callable:
    """A function of one lane's tensors → the same of all lanes', traced with arguments like these; or compiled."""
    example = torch.utils._pytree.tree_map(lambda x: torch.stack([x] * lanes), example)
    with torch.no_grad(), InPlaceForVmap(), FastConvolutions():
        over = functionalize(vmap(step))
        graph = make_fx(lambda *arguments: over(*arguments))(*example)
    return torch.compile(graph, fullgraph=True, dynamic=False) if compiles else graph
