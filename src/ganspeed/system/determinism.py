"""Seeded generators and deterministic arithmetic: the same bytes from the same seed.

Every purpose and key has its own generator, so that no draw depends on another.
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
    """Make this process compute deterministically, in float32; with `tf32`, matrix products on a GPU in TF32."""
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import torch's compiler: 1 s
    torch.utils.deterministic.fill_uninitialized_memory = False  # by default every new tensor is filled with NaN
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and BLAS on one thread: sums that are split over threads round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
