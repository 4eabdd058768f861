"""Updates per second of one run of each objective over those of the loop as customarily written, on known networks.

    python benchmarks/one_run.py [--networks mnist dcgan] [--variants gan wgan ...] [--pairs 5] [--to FILE.csv] [...]

The networks nearest to WGAN-GP's on MNIST (width 64, batch 50, z 128) and DCGAN's of 64x64; made-up images,
hyperparameters of params.yaml, with n_critic 5 for all but the GAN. Same networks and device, alternating. On a CPU the
customary loop has PyTorch's own choice of threads, and a run of ours one: a second run would have the next core. Ours
is by the engine that long runs on such networks get; tracing and compiling come first, in a column of their own.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from customary import NETWORKS, customary, pictures, recipe
from tables import print_table

from ganspeed.runs.measure_timing import fresh_update
from ganspeed.system.devices import device_name, select_device
from ganspeed.training.engines.choose import choose_engine
from ganspeed.training.state import Recipe


def rate(update: Callable[[], None], seconds: float, device: torch.device) -> float:
    """Updates per second, over two or four or eight, ... of them, until they take so long together."""
    count, taken = 1, 0.0
    while taken < seconds:
        count, start = 2 * count, time.perf_counter()
        for _ in range(count):
            update()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken = time.perf_counter() - start
    return count / taken


def work(engine: str | None, asked: Recipe, device: torch.device, pipe: Connection) -> None:
    """A process of one loop, an engine of ours or the customary one: answers each number of seconds with a rate."""
    if engine:
        images, labels = pictures(asked.shape).to(device), torch.zeros(1000, dtype=torch.int64, device=device)
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            update, _ = fresh_update(asked, engine, images, labels, Path(folder))
    else:
        torch.backends.cudnn.allow_tf32 = False  # equal precision
        update = partial(next, customary(asked, device))
    update()
    pipe.send(None)
    while seconds := pipe.recv():
        pipe.send(rate(update, seconds, device))


def pair(networks: str, variant: str, given: argparse.Namespace, device: torch.device) -> dict:
    asked = recipe(NETWORKS[networks], variant, 1 if variant == "gan" else 5, 0)
    engine = choose_engine(asked.train, asked.shape, device_name(device))
    context, ends, found = multiprocessing.get_context("spawn"), [], []
    for name in (None, engine):
        here, there = context.Pipe()
        start = time.perf_counter()
        context.Process(target=work, args=(name, asked, device, there), daemon=True).start()
        here.recv()
        ready = time.perf_counter() - start
        ends.append(here)
    for k in range(given.pairs + 1):
        rates = []
        for end in ends:
            end.send(given.seconds)
            rates.append(end.recv())
        if k:  # the first pair warms up
            found.append((*rates, rates[1] / rates[0]))
    for end in ends:
        end.send(0)
    theirs, ours, ratios = zip(*found, strict=True)
    return {
        "networks": networks,
        "variant": variant,
        "n_critic": asked.variant.n_critic,
        "engine": engine,
        "ready_s": ready,
        "customary_per_second": statistics.median(theirs),
        "ours_per_second": statistics.median(ours),
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["mnist", "dcgan"], choices=NETWORKS)
    parser.add_argument("--variants", nargs="+", default=["gan", "wgan", "wgan_gp", "iterative"])
    parser.add_argument("--seconds", type=float, default=3.0, help="of a measurement, which has two updates at least")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    device, found = select_device(), []
    threads = torch.get_num_threads() if device.type == "cpu" else None
    for networks in given.networks:
        for variant in given.variants:
            found.append(pair(networks, variant, given, device))
            print(found[-1], flush=True)
    print_table(pd.DataFrame(found).round(4).assign(pairs=given.pairs, customary_threads=threads), given.to)


if __name__ == "__main__":
    main()
