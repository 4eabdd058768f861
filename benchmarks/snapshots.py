"""Seconds of training and of scoring a run as its snapshots grow in number; one core.

    python benchmarks/snapshots.py [--variant wgan_gp] [--repeats 3] [--to reports/benchmarks/NAME.csv]

Run from the root of the project after `dvc repro features`; trains the first data set's runs of one variant, as many as
its engine computes at once, in a temporary folder, with `train.grid_ratio` changed. Training counts from the first
logged row to the end, without the start; ratios alternate, and medians are told.
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import pandas as pd
from runs_at_once import Clock
from tables import tell

from ganspeed import engines, execute, params, runs
from ganspeed.ahead import ahead
from ganspeed.grid import of_block
from ganspeed.workspace import Workspace

RATIOS = (1.5, 1.25, 1.1, 1.05)


def measure(workspace: Workspace, variant: str, ratio: float) -> dict:
    text = re.sub(r"grid_ratio: [\d.]+", f"grid_ratio: {ratio}", Path("params.yaml").read_text())
    (workspace.root / "params.yaml").write_text(text)
    asked, where, clock = params.load(workspace.root / "params.yaml"), execute.device(), Clock()
    dataset = asked.compare.datasets[0]
    (first, *_) = runs.plan(workspace, asked, execute.device_name(where), dataset, variant)
    compare = {"datasets": (dataset,), "variants": (variant,), "seeds": tuple(range(engines.at_once(first.engine)))}
    asked = asked.model_copy(update={"compare": asked.compare.model_copy(update=compare)})
    specs = execute.grid(workspace, asked, where)
    execute.train_all(specs, workspace, where, lambda specs: [clock])
    start = time.perf_counter()
    ahead(workspace, asked, lambda specs: [])  # nothing to train is left
    scoring = time.perf_counter() - start
    shutil.rmtree(workspace.pool)
    return {
        "grid_ratio": ratio,
        "snapshots": len(of_block(first.parameters["train"])),
        "training_s": (clock.last - clock.first) / len(specs),
        "scoring_s": scoring / len(specs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    os.environ["GANSPEED_WORKERS"] = "1"
    found = []
    with tempfile.TemporaryDirectory() as folder:
        workspace, here = Workspace(Path(folder)), Workspace(Path.cwd())
        dataset = params.load(Path("params.yaml")).compare.datasets[0]
        shutil.copytree(here.prepared(dataset), workspace.prepared(dataset))
        shutil.copytree(here.features(dataset), workspace.features(dataset))
        measure(workspace, given.variant, RATIOS[0])  # imports
        for _ in range(given.repeats):
            for ratio in RATIOS:
                found.append(measure(workspace, given.variant, ratio))
                print(found[-1], flush=True)
    table = pd.DataFrame(found).groupby(["grid_ratio", "snapshots"]).median().round(2).sort_index(ascending=False)
    tell(table.reset_index().assign(variant=given.variant, repeats=given.repeats), given.to)


if __name__ == "__main__":
    main()
