"""Seconds per update of the eager loop over those per update and seed of an engine: one thread, alternating.

    python benchmarks/engines.py [--engine traced] [--dataset digits] [--variant wgan_gp] [--n-critic 2] [...]

Run from the root of the project; made-up images of the data set's size, the recipe of params.yaml. Compiling comes
first and is told apart: the first time the C++ compiler takes its time, later the code comes from inductor's cache.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ganspeed import params
from ganspeed.checkpoints import Checkpoints
from ganspeed.engines import COMPILED, LANES, TRACED
from ganspeed.engines.lanes import Lanes
from ganspeed.randomness import reproducible
from ganspeed.training import Draws, Recipe, Run, new_state, one_update


def seconds(update: Callable[[], None], count: int) -> float:
    """Of this process's time that one update takes, mean of `count`."""
    start = time.process_time()
    for _ in range(count):
        update()
    return (time.process_time() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default=TRACED, choices=(TRACED, COMPILED))
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--n-critic", type=int)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    reproducible()
    parsed = params.load(Path("params.yaml"))
    block, variant = parsed.dataset(given.dataset), parsed.variant(given.variant).resolved()
    if given.n_critic:
        variant["n_critic"] = given.n_critic
    size, train = block.data.image_size, block.train.model_dump(mode="json")
    recipes = [Recipe(seed, train, variant, (1, size, size)) for seed in range(LANES)]
    images, labels = torch.rand(1000, 1, size, size) * 2 - 1, torch.zeros(1000, dtype=torch.int64)
    state = new_state(recipes[0], images.device)
    draws = Draws(0, train["batch_size"], train["z_dim"], images, labels)
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            Run(recipe, images, labels, Path(folder) / str(recipe.seed), Checkpoints(Path(folder) / "none", {}), print)
            for recipe in recipes
        ]
        start = time.perf_counter()
        lanes = Lanes(runs, f"{given.engine}, {LANES} lanes")
        lanes.one_update()
        print(f"ready after {time.perf_counter() - start:.1f} s", flush=True)
        one_update(state, draws)
        ratios = []
        for _ in range(given.repeats):
            eager = seconds(lambda: one_update(state, draws), given.updates)
            lane = seconds(lanes.one_update, given.updates // LANES) / LANES
            ratios.append(eager / lane)
            print(
                f"eager {eager * 1e3:.2f} ms, {given.engine} {lane * 1e3:.2f} ms a seed, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
