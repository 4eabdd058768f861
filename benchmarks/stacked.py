"""Time in which a run's snapshots make images one after another, over that of all of them as one batched network.

    python benchmarks/stacked.py [--networks 8x8] [--snapshots 24] [--to FILE.csv] [...]

Run from the root of the project; generators with made-up weights, folded as scoring folds them, one thread or the GPU.
Both alternate. Scoring goes through snapshots one after another.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from customary import NETWORKS, Sizes, blocks_of
from tables import print_table
from torch import Tensor, vmap
from torch.func import functional_call, stack_module_state

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import Generator, new_generator
from ganspeed.networks.layers import initialise
from ganspeed.scoring.snapshots import SAMPLE_BATCH
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.devices import select_device


def snapshot(sizes: Sizes, seed: int, device: torch.device) -> Generator:
    network = new_generator(blocks_of(sizes), sizes.shape, sizes.z_dim)
    initialise(network, torch.Generator().manual_seed(seed))
    network.eval().fold()
    return network.to(device).requires_grad_(False)


def milliseconds(make: Callable[[Tensor], object], z: Tensor) -> float:
    """Of making images of all of z, a batch at a time."""
    start = time.perf_counter()
    with torch.inference_mode(), fast_convolutions(z.device):
        for part in z.split(SAMPLE_BATCH):
            make(part)
    if z.is_cuda:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="8x8", choices=NETWORKS)
    parser.add_argument("--snapshots", type=int, default=24)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    torch.set_num_threads(1)
    retain_freed_blocks()
    sizes, device, found = NETWORKS[given.networks], select_device(), []
    snapshots = [snapshot(sizes, seed, device) for seed in range(given.snapshots)]
    weights = stack_module_state(snapshots)
    batched = vmap(lambda own, z: functional_call(snapshots[0], own, (z,)), (0, None))
    z = torch.randn(given.samples, sizes.z_dim, device=device)
    for _ in range(given.repeats + 1):
        one_by_one = sum(milliseconds(network, z) for network in snapshots)
        stacked = milliseconds(lambda part: batched(weights, part), z)
        found.append((one_by_one, stacked, one_by_one / stacked))
        print("one by one {:.0f} ms, stacked {:.0f} ms, ratio {:.2f}".format(*found[-1]), flush=True)
    one_by_one, stacked, ratio = zip(*found[1:], strict=True)  # the first warms up
    facts = {
        "networks": given.networks,
        "snapshots": given.snapshots,
        "samples": given.samples,
        "repeats": given.repeats,
        "one_by_one_ms": round(statistics.median(one_by_one) / given.snapshots, 1),
        "stacked_ms": round(statistics.median(stacked) / given.snapshots, 1),
        "ratio": round(statistics.median(ratio), 2),
        "lowest": round(min(ratio), 2),
        "highest": round(max(ratio), 2),
    }
    print_table(pd.DataFrame([facts]), given.to)


if __name__ == "__main__":
    main()
