"""Every choice that params.yaml may name has code, and code of its own."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from small_networks import discriminator, generator

from ganspeed import networks as package
from ganspeed.networks.latents import Latents
from ganspeed.networks.range import ImageRange
from ganspeed.params.networks import DiscriminatorBlock, GeneratorBlock, Latent, Networks
from ganspeed.scoring.sources import SCORED_BY

FOLDER = Path(package.__file__).parent


def literals(block, key: str) -> list:
    return [value for value in get_args(block.model_fields[key].annotation) if isinstance(value, str)]


def test_the_bodies_of_params_are_the_files_of_the_folders():
    for block, folder in ((GeneratorBlock, "generator_bodies"), (DiscriminatorBlock, "discriminator_bodies")):
        files = {path.stem for path in (FOLDER / folder).glob("*.py")} - {"__init__"}
        assert files == set(literals(block, "body"))
    bodies = {f"networks/generator_bodies/{name}.py" for name in literals(GeneratorBlock, "body")}
    assert bodies == {name for name in SCORED_BY if "generator_bodies" in name}


@pytest.mark.parametrize("player", ["G", "D"])
def test_every_choice_of_a_block_has_code_that_makes_a_network_of_its_own(player):
    """No two choices of a key give the same network: neither falls through to another."""
    block = GeneratorBlock if player == "G" else DiscriminatorBlock
    keys = [key for key in block.model_fields if literals(block, key)]
    assert set(keys) >= {"body", "act", "norm", "norm_at", "output"}
    for key in keys:
        choices = literals(block, key)
        seen = {choice: made(player, {"norm": "layer", key: choice}) for choice in choices}
        assert len({tuple(value.tolist()) for value in seen.values()}) == len(choices), key


def made(player: str, own: dict) -> torch.Tensor:
    """What a network with these choices makes, of one initial seed."""
    make, shape = (generator, (3, 6)) if player == "G" else (discriminator, (3, 1, 16, 16))
    network = make((1, 16, 16), init={"normal": 0.3}, **{player: own})
    return network(torch.randn(shape, generator=torch.Generator().manual_seed(0))).detach().flatten()


def test_every_law_range_and_start_is_one_of_its_own():
    noise = {
        law: Latents(law, 3).sample(4, lambda purpose: torch.Generator().manual_seed(0), torch.zeros(4))
        for law in literals(Latent, "law")
    }
    assert set(noise) == {"normal", "uniform"} and not torch.equal(*noise.values())
    images, seen = torch.linspace(-0.5, 1, 2 * 64).view(2, 1, 8, 8), []
    for name in literals(Networks, "range"):
        between = ImageRange(name, 1)
        between.measure(images)
        seen.append(tuple(between.inside(images).flatten().tolist()))
    assert len(set(seen)) == 3
    assert literals(Networks, "labels") == ["none", "planes"]
