"""Which objectives say that D's terms are one of real and one of generated images, and whether they are."""

from dataclasses import replace

import pytest
import torch
from closed_forms import batch
from shipped_blocks import BLOCKS, objective_of, toy_networks

from ganspeed.networks.discriminator import new_discriminator
from ganspeed.params.objectives import objective_declarations


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_declared_separate_is_separate_and_nothing_else_is(name):
    """Each term by the images of its kind alone: the other kind's get no gradient of it."""
    objective = objective_of(name)
    D = new_discriminator(toy_networks(BLOCKS[name].get("networks")), (1, 8, 8), heads=objective.heads())
    made, codes = batch(), torch.eye(6, sum(objective.heads().values()))
    drawn = {"codes": codes} | {k: torch.zeros(6, *((1, 8, 8) if v == "image" else (1, 1, 1)))
                                for k, v in objective.draws.items()}  # fmt: skip
    images = {kind: (0.1 * getattr(made, kind)).requires_grad_() for kind in ("real", "fake")}  # below ebgan's margin
    terms = objective.discriminator_terms(D, replace(made, **images, draws=drawn)).loss
    declared = objective_declarations(BLOCKS[name]["objective"]).separate_terms
    assert declared == (set(terms) == {"real", "fake"})
    for kind, other in (("real", "fake"), ("fake", "real")) if declared else ():
        graph = {"retain_graph": True, "materialize_grads": True}  # zeros where a pass is of the other kind alone
        own, none = torch.autograd.grad(terms[kind], [images[kind], images[other]], **graph)
        assert own.abs().max() > 0 and none.abs().max() == 0
