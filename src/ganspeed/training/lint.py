"""The probes that are too dear for every row: before training, early and at its end, of copies, alike in every engine.

A lint needs the networks themselves, not a trace of them, so that the same mistakes are found whatever computed them.
"""

import copy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from ganspeed.networks.generator import measure_statistics
from ganspeed.objectives import Batch
from ganspeed.params.datasets import Train
from ganspeed.training.draws import Draw
from ganspeed.training.history import on_host, prefixed
from ganspeed.training.probes import PAIRED_SAMPLES, bend, cosine, fake_term_moved, saturated
from ganspeed.training.state import State

EARLY = 25  # updates: the first row logged from here on is linted


def is_linted(update: int, train: Train) -> bool:
    """Whether the row of this update is: that of update 0, the first from EARLY on, and the last."""
    early = -(-EARLY // train.log_every) * train.log_every
    return update in (0, early, train.updates)


def lint(state: State, draw: Draw) -> dict[str, float]:
    """Column → probe of the networks as they are now, with the draw of the update's last discriminator step."""
    state.lend(draw)
    G, D, n = state.G.network, state.D.network, min(PAIRED_SAMPLES, len(draw.z) // 2)
    with torch.no_grad():
        fake = G(draw.z)
    probes = {
        "bend_G": bend(_with_statistics(G, draw.z), draw.z[:n], draw.z[n : 2 * n]),
        "bend_D": bend(_with_statistics(D, draw.real), draw.real[:n], fake[:n]),
        "saturated": saturated(fake),
    }
    return on_host(prefixed("probe", probes | _losses(state, draw, fake)))


def _with_statistics(network: nn.Module, x: Tensor) -> nn.Module:
    """A copy whose batch normalisations have stored the statistics of these inputs."""
    network = copy.deepcopy(network)
    measure_statistics(network, x)
    return network


def _losses(state: State, draw: Draw, fake: Tensor) -> dict[str, Tensor]:
    """Probes of the objective's two losses: whether the players are opponents, and whether G's judge learns."""
    D, objective = state.D.network, copy.deepcopy(state.objective)  # a discriminator's terms may change its state
    batch = Batch(draw.real, fake, draw.z, draw.u, draw.labels, draw.others)

    def d_terms(D: nn.Module, fake: Tensor) -> dict[str, Tensor]:
        return objective.discriminator_terms(D, replace(batch, fake=fake)).loss

    def g_terms(D: nn.Module, fake: Tensor) -> dict[str, Tensor]:
        return objective.generator_terms(D, replace(batch, fake=fake)).loss

    shared = _shared(d_terms(D, fake), g_terms(D, fake))

    def d_loss(D: nn.Module, fake: Tensor) -> Tensor:
        return sum(term for name, term in d_terms(D, fake).items() if name not in shared)

    def g_loss(D: nn.Module, fake: Tensor) -> Tensor:
        return sum(term for name, term in g_terms(D, fake).items() if name not in shared)

    return {
        "cosine": cosine(partial(d_loss, D), partial(g_loss, D), fake),
        "fake_term_moved": fake_term_moved(D, partial(d_loss, fake=fake), partial(g_loss, fake=fake)),
    }


def _shared(of_D: dict[str, Tensor], of_G: dict[str, Tensor]) -> set[str]:
    """Terms that both players minimise, such as that of InfoGAN's codes: there they are no opponents.

    None where nothing else is left of either: then one plays the other's part instead of its own.
    """
    shared = {name for name in of_D.keys() & of_G.keys() if torch.equal(of_D[name], of_G[name])}
    return shared if len(shared) < min(len(of_D), len(of_G)) else set()
