"""Explicit randomness: a generator of its own for each purpose and key, so that no draw depends on another."""

import hashlib

import torch


def generator(purpose: str, *key: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator seeded by the purpose and the key alone, e.g. `generator("z", seed, update, step)`."""
    digest = hashlib.sha256("|".join([purpose, *map(str, key)]).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
