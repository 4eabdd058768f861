"""Updates per second of runs side by side, over one run at a time on one thread: the same code, alternating.

    python benchmarks/side_by_side.py [--variant wgan_gp] [--updates 150] [--repeats 5]

Run from the root of the project after `dvc repro prepare`; trains in a temporary folder. Rates are taken between the
first and the last logged update of each run, so that the start of processes does not count.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import torch

from ganspeed import execute, params, runs
from ganspeed.files import read_json
from ganspeed.params import Params
from ganspeed.workspace import Workspace


def rate(parsed: Params, workspace: Workspace, dataset: str, variant: str, seeds: list[int], updates: int) -> float:
    """Updates per second in total of these seeds trained at once."""
    where = torch.device("cpu")
    compare = parsed.compare.model_copy(update={"seeds": tuple(seeds)})
    specs = runs.plan(workspace, parsed.model_copy(update={"compare": compare}), "benchmark", dataset, variant)
    for spec in specs:
        spec.parameters["train"] |= {"updates": updates, "log_every": 10, "checkpoint_every": updates}
    os.environ["GANSPEED_WORKERS"] = str(len(seeds))
    execute.train_all(specs, workspace, where, lambda specs: [])
    total = 0.0
    for spec in specs:
        pooled = runs.RunStore(workspace).pooled(spec)
        clock = read_json(pooled / "provenance.json")["clock"]
        total += (clock[-1]["update"] - clock[0]["update"]) / (clock[-1]["seconds"] - clock[0]["seconds"])
        shutil.rmtree(pooled)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    parsed = params.load(Path("params.yaml"))
    dataset, cores = parsed.compare.datasets[0], len(os.sched_getaffinity(0))
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        shutil.copytree(Workspace(Path.cwd()).prepared(dataset), workspace.prepared(dataset))
        for _ in range(given.repeats):
            one = rate(parsed, workspace, dataset, given.variant, [0], given.updates)
            many = rate(parsed, workspace, dataset, given.variant, list(range(cores)), given.updates)
            ratios.append(many / one)
            print(f"one {one:.1f}/s, {cores} side by side {many:.1f}/s, ratio {many / one:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), {cores} cores")


if __name__ == "__main__":
    main()
