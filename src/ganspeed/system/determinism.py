"""Explicit randomness, and arithmetic that repeats: the same bytes from the same seed.

A generator of its own for each purpose and key, so that no draw depends on another.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on a GPU


def generator(purpose: str, *key: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator seeded by the purpose and the key alone, e.g. `generator("z", seed, update, step)`.

    On a CPU torch uses 32 bits of a seed: of n generators about n² / 2³³ pairs draw alike, a dozen in 360,000.
    """
    digest = hashlib.sha256("|".join([purpose, *map(str, key)]).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def reproducible(tf32: bool = False) -> None:
    """From now on this process computes the same bytes each time, in float32; products on a GPU in TF32 if asked."""
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms imports torch's compiler: a second
    torch.utils.deterministic.fill_uninitialized_memory = False  # by default each new tensor is filled with NaN first
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch and BLAS on one thread: sums split over threads round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
