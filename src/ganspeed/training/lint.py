"""The probes that are too dear for every row: before training, early and at its end, of copies, alike in every engine.

A lint needs the networks themselves, not a trace of them, so that the same mistakes are found whatever computed them.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganspeed.networks.generator import measure_statistics
from ganspeed.networks.layers import BatchNorm
from ganspeed.objectives import Batch
from ganspeed.params.datasets import Train
from ganspeed.training.draws import Draw
from ganspeed.training.history import on_host, prefixed
from ganspeed.training.probes import PAIRED_SAMPLES, bend, fake_term_moved, gradient_cosine, saturated
from ganspeed.training.state import State

SAMPLES = 2 * PAIRED_SAMPLES  # of a batch, that all of it is computed of
EARLY = 25  # updates: the first row logged from here on is linted


def is_linted(update: int, train: Train) -> bool:
    """Whether the row of this update is: that of update 0, the first from EARLY on, and the last."""
    early = -(-EARLY // train.log_every) * train.log_every
    return update in (0, early, train.updates)


def lint(state: State, draw: Draw) -> dict[str, float]:
    """Column → probe of the networks as they are now, with the draw of the update's last discriminator step."""
    draw = draw.first(SAMPLES)
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
    """The network, or a copy whose batch normalisations, if there are any, have stored the statistics of these inputs.

    `bend` computes in evaluation mode, where these are used.
    """
    if any(isinstance(module, BatchNorm) for module in network.modules()):
        network = copy.deepcopy(network)
        measure_statistics(network, x)
    return network


def _losses(state: State, draw: Draw, fake: Tensor) -> dict[str, Tensor]:
    """Probes of the objective's two losses: whether the players are opponents, and whether G's judge learns."""
    D, objective = state.D.network, copy.deepcopy(state.objective)  # a discriminator's terms may change its state
    fake = fake.detach().requires_grad_()
    batch = Batch(draw.real, fake, draw.z, draw.u, draw.labels, draw.others)
    of_D, of_G = objective.discriminator_terms(D, batch).loss, objective.generator_terms(D, batch).loss
    shared = _shared(of_D, of_G)
    # A term of G's that is not about D's scores, such as EBGAN's that keeps samples apart, is at right angles to D's.
    cosines = torch.stack([gradient_cosine(_sum(of_D, shared), g, fake) for n, g in of_G.items() if n not in shared])
    batch = replace(batch, fake=fake.detach())
    return {
        "cosine": cosines[cosines.abs().nan_to_num(-1).argmax()],
        "fake_term_moved": fake_term_moved(
            D,
            lambda D: _sum(objective.discriminator_terms(D, batch).loss, shared),
            lambda D: _sum(objective.generator_terms(D, batch).loss, shared),
        ),
    }


def _shared(of_D: dict[str, Tensor], of_G: dict[str, Tensor]) -> set[str]:
    """Terms that both players minimise, such as that of InfoGAN's codes: there they are no opponents.

    None where nothing else is left of either: then one plays the other's part instead of its own.
    """
    shared = {name for name in of_D.keys() & of_G.keys() if torch.equal(of_D[name], of_G[name])}
    return shared if len(shared) < min(len(of_D), len(of_G)) else set()


def _sum(terms: dict[str, Tensor], left_out: set[str]) -> Tensor:
    return sum(term for name, term in terms.items() if name not in left_out)
