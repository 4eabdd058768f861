"""Keys of networks that change nothing beside others."""

import pytest
from small_networks import blocks, discriminator, generator

INERT = [
    ("G", {"norm": "none"}, "norm_at", "after"),
    ("D", {"norm": "none"}, "norm_at", "after"),
    ("D", {"norm": "spectral"}, "norm_at", "after"),
    ("D", {"body": "mlp"}, "down", "pool"),
]


@pytest.mark.parametrize(("player", "own", "key", "value"), INERT)
def test_a_key_without_effect_is_no_difference_of_networks(player, own, key, value):
    make = {"G": generator, "D": discriminator}[player]
    plain, other = blocks(**{player: own}), blocks(**{player: own | {key: value}})
    assert plain == other
    assert str(make(**{player: own})) == str(make(**{player: own | {key: value}}))
    works = {"norm": "layer"} if key == "norm_at" else {"body": "dcgan"}
    assert blocks(**{player: own | works}) != blocks(**{player: own | works | {key: value}})
