"""Time of an update by the eager loop over that of an update and seed by an engine: one thread, alternating.

    python benchmarks/engines.py [--networks 8x8] [--engine "traced, 4 lanes"] [--n-critic 2] [--to FILE.csv] [...]

Run from the root of the project; made-up images, hyperparameters of the variant in params.yaml. Tracing and compiling,
with nothing compiled before, come first and are a column of their own, with the updates of a group that pay for them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from customary import NETWORKS, pictures, recipe
from tables import print_table

from ganspeed.runs.measure_timing import fresh_update
from ganspeed.training.engines.choose import COMPILED, EAGER, LANES, TRACED

NAMES = (f"{TRACED}, {LANES} lanes", f"{COMPILED}, {LANES} lanes", f"{COMPILED}, 1 lane")


def milliseconds(update: Callable[[], None], count: int) -> float:
    """Of this process's time that one update takes, mean of `count`."""
    start = time.process_time()
    for _ in range(count):
        update()
    return 1e3 * (time.process_time() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="8x8", choices=NETWORKS)
    parser.add_argument("--engine", default=NAMES[0], choices=NAMES)
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--n-critic", type=int)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    torch.set_num_threads(1)
    asked, found = recipe(NETWORKS[given.networks], given.variant, given.n_critic, 0), []
    data = pictures(asked.shape), torch.zeros(1000, dtype=torch.int64)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/compiled"
        eager, _ = fresh_update(asked, EAGER, *data, Path(folder) / "eager")
        eager()
        start = time.perf_counter()
        together, at_once = fresh_update(asked, given.engine, *data, Path(folder) / "lanes")
        together()
        ready = time.perf_counter() - start
        for _ in range(given.repeats):
            one = milliseconds(eager, given.updates)
            lane = milliseconds(together, given.updates // at_once) / at_once
            found.append((one, lane, one / lane))
            print("eager {:.2f} ms, engine {:.2f} ms a seed, ratio {:.2f}".format(*found[-1]), flush=True)
    ones, others, ratios = zip(*found, strict=True)
    saved = statistics.median(one - lane for one, lane, _ in found) * at_once  # by an update of a group
    facts = {
        "networks": given.networks,
        "engine": given.engine,
        "variant": given.variant,
        "n_critic": asked.variant.n_critic,
        "repeats": given.repeats,
        "eager_ms": round(statistics.median(ones), 2),
        "engine_ms_a_seed": round(statistics.median(others), 2),
        "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "ready_s": round(ready, 1),
        "paid_back_after_updates": round(1e3 * ready / saved) if saved > 0 else None,
    }
    print_table(pd.DataFrame([facts]), given.to)


if __name__ == "__main__":
    main()
