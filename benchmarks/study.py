"""Updates per second of a study on a CPU over those of the loop as customarily written, run after run.

    python benchmarks/study.py [--networks 8x8] [--length 1000000] [--n-critic 5] [--pairs 5] [--to FILE.csv] [...]

Same networks, batch and optimiser, made-up images, hyperparameters of the variant in params.yaml. The customary loop
has a DataLoader, a pass for real and one for generated samples, `.item()` after each step, and PyTorch's own choice of
threads. The study is one process of one thread a core, each with the engine that runs of so many updates (`--length`)
on such networks get. Both alternate; tracing and compiling, with nothing compiled before, come first and are a
column of their own.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import torch
from customary import NETWORKS, customary, pictures, recipe
from tables import print_table

from ganspeed.runs.measure_timing import fresh_update
from ganspeed.system.devices import device_name
from ganspeed.training.engines.choose import choose_engine, lane_count
from ganspeed.training.state import Recipe


def engine_of(asked: Recipe, length: int) -> str:
    return choose_engine(
        asked.train.model_copy(update={"updates": length}), asked.shape, device_name(torch.device("cpu"))
    )


def work(asked: Recipe, engine: str, pipe: Connection) -> None:
    """One process of the study: answers a number of updates with the seconds that they took in every lane."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        images, labels = pictures(asked.shape), torch.zeros(1000, dtype=torch.int64)
        update, _ = fresh_update(asked, engine, images, labels, Path(folder))
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
    parser.add_argument("--length", type=int, default=1_000_000, help="updates of the runs that these stand for")
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--n-critic", type=int, default=5)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    asked = recipe(NETWORKS[given.networks], given.variant, given.n_critic, 0)
    engine = engine_of(asked, given.length)
    compiled = tempfile.TemporaryDirectory()
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled.name
    context, lanes, pipes = multiprocessing.get_context("spawn"), lane_count(engine), []
    start = time.perf_counter()
    for k in range(len(os.sched_getaffinity(0))):
        here, there = context.Pipe()
        context.Process(target=work, args=(replace(asked, seed=k * lanes), engine, there), daemon=True).start()
        pipes.append(here)
    for pipe in pipes:
        pipe.recv()
    ready = time.perf_counter() - start
    print(f"{len(pipes)} processes, {engine}, ready after {ready:.0f} s", flush=True)
    loop, found = customary(asked, torch.device("cpu")), []
    alone(loop, 5)
    for _ in range(given.pairs):
        one, many = alone(loop, given.updates), study(pipes, given.updates, lanes)
        found.append((one, many, many / one))
        print("customary {:.1f}/s, study {:.1f}/s, ratio {:.2f}".format(*found[-1]), flush=True)
    for pipe in pipes:
        pipe.send(None)
    compiled.cleanup()
    ones, manys, ratios = zip(*found, strict=True)
    one, many = statistics.median(ones), statistics.median(manys)
    facts = {
        "networks": given.networks,
        "engine": engine,
        "variant": given.variant,
        "n_critic": given.n_critic,
        "pairs": given.pairs,
        "customary_per_second": round(one, 1),
        "study_per_second": round(many, 1),
        "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "ready_s": round(ready, 1),
        "paid_back_after_updates": round(ready / (1 / one - 1 / many)) if many > one else None,
    }
    print_table(pd.DataFrame([facts]), given.to)


if __name__ == "__main__":
    main()
