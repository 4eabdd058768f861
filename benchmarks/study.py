"""Updates per second of a study on a CPU over those of the loop as customarily written, run after run.

    python benchmarks/study.py [--networks 8x8] [--n-critic 5] [--updates 100] [--pairs 5] [...]

Same networks, batch and optimiser, made-up images, hyperparameters of the variant in params.yaml. The customary loop
has a DataLoader, a pass for real and one for generated samples, `.item()` after each step, and PyTorch's own choice of
threads. The study is one process of one thread a core, each with the engine that long runs on such networks get. Both
alternate; tracing and compiling come first and are told apart.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from customary import NETWORKS, customary, pictures, recipe

from ganspeed import engines, execute
from ganspeed.checkpoints import Checkpoints
from ganspeed.training import Run, one_update


def engine_of(given: argparse.Namespace) -> str:
    """That of a long run."""
    networks = NETWORKS[given.networks]
    one = recipe(networks, given.variant, given.n_critic, 0)
    return engines.choose(one.train, one.shape, execute.device_name(torch.device("cpu")))


def work(given: argparse.Namespace, first_seed: int, pipe) -> None:
    """One process of the study: answers a number of updates with the seconds that they took in every lane."""
    from ganspeed.engines.lanes import Lanes

    torch.set_num_threads(1)
    networks, engine = NETWORKS[given.networks], engine_of(given)
    seeds = range(first_seed, first_seed + engines.at_once(engine))
    recipes = [recipe(networks, given.variant, given.n_critic, seed) for seed in seeds]
    with tempfile.TemporaryDirectory() as folder:
        root, data = Path(folder), (pictures(networks.shape), torch.zeros(1000, dtype=torch.int64))
        runs = [Run(r, *data, root / str(r.seed), Checkpoints(root / "none", {}), lambda row: None) for r in recipes]
        if engine == engines.EAGER:
            update = partial(one_update, runs[0].state, runs[0].draws)
        else:
            update = Lanes(runs, engine).one_update
        update()
        pipe.send(None)
        while (updates := pipe.recv()) is not None:
            start = time.perf_counter()
            for _ in range(updates):
                update()
            pipe.send(time.perf_counter() - start)


def study(pipes: list, updates: int, lanes: int) -> float:
    """Updates per second in total."""
    for pipe in pipes:
        pipe.send(updates)
    return sum(lanes * updates / pipe.recv() for pipe in pipes)


def alone(loop: Iterator[None], updates: int) -> float:
    start = time.perf_counter()
    for _ in range(updates):
        next(loop)
    return updates / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="8x8", choices=NETWORKS)
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--n-critic", type=int, default=5)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    context, cores = multiprocessing.get_context("spawn"), len(os.sched_getaffinity(0))
    ends = [context.Pipe() for _ in range(cores)]
    engine = engine_of(given)
    lanes = engines.at_once(engine)
    workers = [context.Process(target=work, args=(given, k * lanes, end)) for k, (_, end) in enumerate(ends)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    pipes = [pipe for pipe, _ in ends]
    for pipe in pipes:
        pipe.recv()
    prepared = time.perf_counter() - start
    print(f"{cores} processes, {engine}, ready after {prepared:.0f} s", flush=True)
    loop = customary(recipe(NETWORKS[given.networks], given.variant, given.n_critic, 0), torch.device("cpu"))
    ratios, rates = [], []
    alone(loop, 5)
    for _ in range(given.pairs):
        one, many = alone(loop, given.updates), study(pipes, given.updates, lanes)
        ratios.append(many / one)
        rates.append((one, many))
        print(f"customary {one:.1f}/s, study {many:.1f}/s, ratio {ratios[-1]:.2f}", flush=True)
    for pipe in pipes:
        pipe.send(None)
    one, many = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), {cores} cores")
    print(f"being ready is paid back after {prepared / (1 / one - 1 / many):.0f} updates in total")


if __name__ == "__main__":
    main()
