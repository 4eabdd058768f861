"""Small networks for images of any shape, with changes to the blocks that they are made of."""

import torch

from ganspeed.networks.discriminator import Discriminator, new_discriminator
from ganspeed.networks.generator import Generator, new_generator
from ganspeed.networks.layers import initialise
from ganspeed.params.networks import Networks, resolved


def blocks(size: int = 8, G: dict | None = None, D: dict | None = None, **changes) -> Networks:
    """Small networks for images of this size, with changes to G, D and the rest."""
    own = {"latent": {"dim": 6}, "G": {"width": 4} | (G or {}), "D": {"width": 4, "hidden": 0} | (D or {})}
    return resolved(Networks.model_validate(own | changes), size)


def generator(shape=(1, 8, 8), seed=0, inputs=6, **changes) -> Generator:
    """A generator of small networks with these changes, with its initial weights."""
    networks = blocks(shape[1], **changes)
    G = new_generator(networks, shape, inputs)
    initialise(G, torch.Generator().manual_seed(seed), networks.init)
    return G


def discriminator(shape=(1, 8, 8), classes=0, heads=None, seed=0, **changes) -> Discriminator:
    """A discriminator of small networks with these changes, with its initial weights."""
    networks = blocks(shape[1], **changes)
    D = new_discriminator(networks, shape, classes, heads)
    initialise(D, torch.Generator().manual_seed(seed), networks.init)
    return D
