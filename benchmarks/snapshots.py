"""Seconds of training and of scoring a run as its snapshots grow in number; one core.

    python benchmarks/snapshots.py [--variants gan ...] [--ratios 1.25 ...] [--repeats 3] [--to NAME.csv]

Run from the root of the project after `dvc repro features`; trains the first data set's runs of each variant, as many
as its engine computes at once, in a temporary folder, with `train.grid_ratio` changed. Training counts from the first
logged row to the end, without the start; variants and ratios alternate, the table has medians, and their sums over all
variants.
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from itertools import product
from pathlib import Path

import pandas as pd
from runs_at_once import Clock
from tables import print_table

from ganspeed.params.load import load_params
from ganspeed.runs.spec import all_specs, plan_runs
from ganspeed.runs.train import train_all
from ganspeed.study.run_grid import run_grid
from ganspeed.system.devices import device_name, select_device
from ganspeed.training.engines.choose import lane_count
from ganspeed.training.snapshot_grid import snapshot_updates
from ganspeed.workspace import Workspace

RATIOS = (1.5, 1.25, 1.1, 1.05)


def measure(workspace: Workspace, variant: str, ratio: float) -> dict:
    text = re.sub(r"grid_ratio: [\d.]+", f"grid_ratio: {ratio}", Path("params.yaml").read_text())
    (workspace.root / "params.yaml").write_text(text)
    asked, device, clock = load_params(workspace.root / "params.yaml"), select_device(), Clock()
    dataset = asked.compare.datasets[0]
    (first, *_) = plan_runs(workspace, asked, device_name(device), dataset, variant)
    compare = {"datasets": (dataset,), "variants": (variant,), "seeds": tuple(range(lane_count(first.engine)))}
    asked = asked.model_copy(update={"compare": asked.compare.model_copy(update=compare)})
    specs = all_specs(workspace, asked, device)
    train_all(specs, workspace, device, lambda specs: [clock])
    start = time.perf_counter()
    run_grid(workspace, asked, lambda specs: [])  # nothing to train is left
    scoring = time.perf_counter() - start
    shutil.rmtree(workspace.run_cache)
    return {
        "variant": variant,
        "grid_ratio": ratio,
        "snapshots": len(snapshot_updates(first.train.updates, first.train.grid_ratio)),
        "training_s": (clock.last - clock.first) / len(specs),
        "scoring_s": scoring / len(specs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="+", default=["wgan_gp"])
    parser.add_argument("--ratios", nargs="+", type=float, default=RATIOS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    os.environ["GANSPEED_WORKERS"] = "1"
    found = []
    with tempfile.TemporaryDirectory() as folder:
        workspace, here = Workspace(Path(folder)), Workspace(Path.cwd())
        dataset = load_params(Path("params.yaml")).compare.datasets[0]
        shutil.copytree(here.prepared(dataset), workspace.prepared(dataset))
        shutil.copytree(here.features(dataset), workspace.features(dataset))
        measure(workspace, given.variants[0], given.ratios[0])  # imports
        for _ in range(given.repeats):
            for variant, ratio in product(given.variants, given.ratios):
                found.append(measure(workspace, variant, ratio))
                print(found[-1], flush=True)
    table = pd.DataFrame(found).groupby(["variant", "grid_ratio", "snapshots"], sort=False).median().reset_index()
    if len(given.variants) > 1:
        whole = table.groupby(["grid_ratio", "snapshots"], sort=False)[["training_s", "scoring_s"]].sum().reset_index()
        table = pd.concat([table, whole.assign(variant="together")], ignore_index=True)
    table["share"] = table["scoring_s"] / table["training_s"]
    print_table(table.round(3).assign(repeats=given.repeats), given.to)


if __name__ == "__main__":
    main()
