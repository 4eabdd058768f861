"""The steps of one lane (functional.py) as functions over all lanes: vmapped, traced once, and compiled if asked."""

import logging
import os
from collections.abc import Callable
from functools import cache

import torch
from torch.func import functionalize, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from ganspeed.networks.fast_convolutions import FastConvolutions
from ganspeed.objectives import Batch
from ganspeed.optimizers import Rule, Scalars
from ganspeed.training.engines.choose import COMPILED, lane_count
from ganspeed.training.engines.functional import FlatParameters, Steps, moments_of
from ganspeed.training.inputs import example_draw
from ganspeed.training.state import Recipe, new_state

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # other processes use the other cores
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of every CUDA without a GPU

# In-place operations without a batching rule of vmap, and their out-of-place forms.
OUT_OF_PLACE = {torch.Tensor.clamp_: torch.clamp, torch.Tensor.lerp_: torch.lerp}


class InPlaceForVmap(TorchFunctionMode):
    """While inside, in-place operations that vmap would do lane by lane are done out of place and copied."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in OUT_OF_PLACE:
            return arguments[0].copy_(OUT_OF_PLACE[function](*arguments, **(keywords or {})))
        return function(*arguments, **(keywords or {}))


@cache
def traced_steps(
    recipe: Recipe, engine: str, size_d: int, size_g: int, held_out: int
) -> tuple[Callable, Callable, Callable]:
    """The functions of `Steps` over the engine's lanes: discriminator_step, generator_step, measures.

    recipe: with seed 0, so that all seeds of a variant share them; size_d, size_g: images in a batch of D's and G's;
    held_out: images that no step sees, or 0.
    """
    state = new_state(recipe, torch.zeros(2, *recipe.shape))
    G, D = FlatParameters(state.G.network, "G"), FlatParameters(state.D.network, "D")
    steps = Steps(G, D, state.objective, state.G.rule, state.D.rule, state.tricks)

    draw, draw_g = (example_draw(n, recipe.latents, recipe.shape, state.noises()) for n in (size_d, size_g))
    g, d = G.vector(G.network.parameters()), D.vector(D.network.parameters())
    G_scalars, D_scalars = (example_scalars(rule) for rule in (state.G.rule, state.D.rule))
    buffers = {part: {name: buffer.clone() for name, buffer in own.items()} for part, own in state.buffers().items()}
    beside = (torch.zeros(held_out, *recipe.shape), draw.labels.new_zeros(held_out)) if held_out else ()
    # Tensors that an objective makes at its first call must not become part of the trace.
    state.lend(draw)
    batch = Batch(draw.real, draw.real, draw.z, draw.u, draw.labels, draw.others)
    state.objective.discriminator_terms(D.network, batch)

    lanes, compiles = lane_count(engine), engine.startswith(COMPILED)
    return (
        over_lanes(steps.discriminator_step, (g, d, moments_of(D, state.D), buffers, draw, D_scalars), lanes, compiles),
        over_lanes(steps.generator_step, (g, d, moments_of(G, state.G), buffers, draw_g, G_scalars), lanes, compiles),
        over_lanes(  # called too seldom to be worth compiling
            steps.measures, (g, d, state.start, buffers, draw, draw.real, beside), lanes, False
        ),
    )


def example_scalars(rule: Rule) -> Scalars:
    """As many scalars as a step of the rule takes, for one lane."""
    return tuple(torch.ones(()) for _ in rule.scalars(1.0, 1))


def over_lanes(step: Callable, example: tuple, lanes: int, compiles: bool) -> Callable:
    """A function of one lane's tensors → the same of all lanes', traced or compiled. example: one lane's arguments."""
    example = torch.utils._pytree.tree_map(lambda x: torch.stack([x] * lanes), example)
    with torch.no_grad(), InPlaceForVmap(), FastConvolutions():
        over = functionalize(vmap(step))
        graph = make_fx(lambda *arguments: over(*arguments))(*example)
    return torch.compile(graph, fullgraph=True, dynamic=False) if compiles else graph
