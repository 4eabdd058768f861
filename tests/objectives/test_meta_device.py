"""Where an update's tensors lie: on the device of the batch, all of them, as far as a machine without a GPU can tell.

Tensors of torch's `meta` device have a shape and no values; a CPU tensor mixed in raises, and so does asking for a
value. torch lets a CPU scalar pass beside tensors of another device, hence the guard, which refuses that as well.
"""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from closed_forms import batch, make
from meta_device import META, OnlyOnMeta
from network_choices import CHOICES
from shipped_blocks import BLOCKS, objective_of, toy_networks
from torch.utils._pytree import tree_map

from ganspeed.networks.discriminator import Discriminator, new_discriminator
from ganspeed.networks.generator import new_generator
from ganspeed.objectives import Batch, Objective, Terms

CLASSES = 3


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """torch knows no autocast of this device; the penalty's, which is off, changes nothing here."""
    monkeypatch.setattr(torch, "autocast", lambda device_type, enabled: nullcontext())


def on_meta(objective: Objective, networks: dict | None = None) -> tuple[Discriminator, Batch]:
    """A discriminator that the objective works on, with what a variant's block says of networks, and a batch for it."""
    b, small = batch(), toy_networks(networks)
    codes = torch.zeros(len(b.real), sum(objective.heads().values()))
    noise = {name: torch.zeros_like(b.real if kind == "image" else b.u) for name, kind in objective.draws.items()}
    D = new_discriminator(small, (1, 8, 8), CLASSES if small.labels == "planes" else 0, objective.heads())
    b = Batch(**tree_map(lambda tensor: tensor.to(META), vars(replace(b, draws={"codes": codes} | noise))))
    if D.classes:  # lent for a step, as the loop does it
        D.labels = b.labels
    return D.to(META), b


def update(objective: Objective, D, b: Batch) -> None:
    """The terms and the backward pass of either player, and the objective's own step."""
    with OnlyOnMeta():
        torch.autograd.grad(objective.discriminator_terms(D, b).total(), list(D.parameters()))
        objective.after_discriminator_step(D)
        fake = b.fake.clone().requires_grad_()
        generated = replace(b, fake=fake)
        torch.autograd.grad(objective.generator_terms(D, generated).total(), fake)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_tensor_of_an_update_is_on_the_device_of_the_batch(name):
    objective = objective_of(name).to(META)
    D, b = on_meta(objective, BLOCKS[name].get("networks"))
    objective.discriminator_terms(D, b)  # at the first batch fixed directions may be drawn on the CPU, and moved
    update(objective, D, b)
    assert {buffer.device for buffer in objective.buffers()} <= {META}


@pytest.mark.parametrize("choice", CHOICES)
def test_so_it_is_with_each_choice_of_networks(choice):
    small, objective = toy_networks(CHOICES[choice]), objective_of("gan" if choice == "D batch" else "wgan_gp")
    D, b = on_meta(objective, CHOICES[choice])
    update(objective, D, b)
    classes = CLASSES if small.labels == "planes" else 0
    G = new_generator(small, (1, 8, 8), small.latent.dim + classes).to(META)
    with OnlyOnMeta():
        D.after_step()
        torch.autograd.grad(G(torch.zeros(6, small.latent.dim + classes, device=META)).sum(), list(G.parameters()))


def test_planes_of_labels_on_the_cpu_are_found():
    D, b = on_meta(objective_of("gan_conditional").to(META), BLOCKS["gan_conditional"]["networks"])
    assert D.channels == 1 + CLASSES and D.labels.device == META
    D.labels = torch.zeros(len(b.real), dtype=torch.int64)
    with pytest.raises((AssertionError, RuntimeError), match=r"on cpu|different device"):
        update(objective_of("gan_conditional"), D, b)


@pytest.mark.parametrize("changes", [{}, {"fake_target": (0.0, 0.3), "real_target": (0.7, 1.2)}])
@pytest.mark.parametrize("name", ["gan", "least_squares"])
def test_drawn_targets_are_on_the_device_of_the_batch(name, changes, document):
    objective = make(name, document, flip=0.2, smooth_generator=True, **changes)
    update(objective, *on_meta(objective))


@pytest.mark.parametrize("made", [torch.tensor, lambda value: torch.full((6,), value)], ids=["scalar", "vector"])
@pytest.mark.parametrize("where", ["discriminator_terms", "after_discriminator_step", "generator_terms"])
def test_a_tensor_made_on_the_cpu_is_found(where, made):
    class Forgetful(Objective):
        """Makes a CPU tensor in one of its methods."""

        def discriminator_terms(self, D, batch: Batch) -> Terms:
            return Terms({"real": self.scaled("discriminator_terms", D(batch.real)).mean()})

        def after_discriminator_step(self, D) -> None:
            self.scaled("after_discriminator_step", torch.ones(6, device=META))

        def generator_terms(self, D, batch: Batch) -> Terms:
            return Terms({"adversarial": self.scaled("generator_terms", D(batch.fake)).mean()})

        def scaled(self, method: str, scores: torch.Tensor) -> torch.Tensor:
            return scores * made(0.5) if method == where else scores

    with pytest.raises(AssertionError, match="takes or makes a tensor on cpu"):
        update(Forgetful(), *on_meta(Forgetful()))
