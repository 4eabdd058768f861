"""What each precision of `train.precision` does to scores, to the time to the threshold, and to the time of an update.

    python benchmarks/precision.py [--variants wgan_gp iterative] [--seeds 8] [--to reports/benchmarks/NAME.csv]

Run from the root of the project after `dvc repro features`; trains the first data set's runs in a temporary folder, by
the eager loop in every precision: its runs are kept as short as that asks for. Against float32, seeds paired: cfid of
the last snapshot over float32's, updates to tau of float32 over those in this precision (above 1: sooner), both with a
95 % interval, and how many updates are computed while float32 computes one, precisions alternating, in 5 repeats.
TF32 is measured where there is a GPU.
"""

import argparse
import math
import shutil
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
from tables import print_table

from ganspeed.compare.statistics import effect
from ganspeed.compare.times import RunCurve, curves_of, time_to_threshold, truncated
from ganspeed.params.blocks import Params
from ganspeed.params.load import load_params
from ganspeed.runs.images import training_images
from ganspeed.runs.measure_timing import seconds_of
from ganspeed.runs.spec import all_specs, plan_runs
from ganspeed.runs.train import train_cell
from ganspeed.scoring.read import read_scores
from ganspeed.scoring.store import score_variant
from ganspeed.study.run_grid import run_grid
from ganspeed.system.devices import device_name, select_device
from ganspeed.training.engines.choose import EAGER
from ganspeed.training.snapshot_grid import budget
from ganspeed.workspace import Workspace

LONGEST = 700  # updates
TIMED, REPEATS = 40, 5
ONE = "float32"


def asked(given: argparse.Namespace, precision: str) -> Params:
    """The params of the project with another grid, shorter runs, and this precision."""
    here = load_params(Path("params.yaml"))
    name = here.compare.datasets[0]
    block = here.datasets[name]
    train = {"updates": min(LONGEST, block.train.updates), "precision": precision}
    block = block.model_copy(update={"train": block.train.model_copy(update=train)})
    compare = {"datasets": (name,), "variants": tuple(given.variants), "seeds": tuple(range(given.seeds))}
    changes = {"compare": here.compare.model_copy(update=compare), "datasets": here.datasets | {name: block}}
    return here.model_copy(update=changes)


def curves(asked: Params, workspace: Workspace) -> dict[tuple[str, int], RunCurve]:
    """Variant and seed → its cfid over updates, after training and scoring."""
    (dataset,) = asked.compare.datasets
    engine = {spec.engine for spec in all_specs(workspace, asked, select_device())}
    assert engine == {EAGER}, "one engine for every precision"
    run_grid(workspace, asked, lambda specs: [])
    for variant in asked.compare.variants:
        train_cell(workspace, asked, dataset, variant, lambda specs: [])
        score_variant(workspace, asked, dataset, variant)
    tables, labels = read_scores(workspace, dataset, asked.compare)
    found = curves_of(pd.concat(tables.values()), {cell: label.run for cell, label in labels.items()})
    return {(run.variant, run.seed): run for run in found}


def compared(one: list[RunCurve], other: list[RunCurve], asked: Params) -> dict:
    """Runs in another precision against float32's, paired by their place; float32's may be held against themselves."""
    block = asked.dataset(asked.compare.datasets[0])
    tau, consecutive = block.threshold.tau, asked.protocol.consecutive
    horizon = budget(block.train.updates, block.train.grid_ratio)

    def times(runs: list[RunCurve]) -> list[float]:
        return [truncated(time_to_threshold(run, tau, consecutive), 1, horizon)[0] for run in runs]

    ends = [math.log(b.cfid[-1] / a.cfid[-1]) for a, b in zip(one, other, strict=True)]
    sooner = [math.log(a / b) for a, b in zip(times(one), times(other), strict=True)]
    return {
        "updates": other[0].updates[-1],
        "cfid": round(median(run.cfid[-1] for run in other), 3),
        "cfid_over_float32": interval(ends),
        "updates_to_tau": median(times(other)),
        "sooner_than_float32": interval(sooner),
    }


def interval(differences: list[float]) -> str:
    found = effect(differences)
    return f"{found.ratio:.3f} ({found.low:.3f}-{found.high:.3f})" if found.low else f"{found.ratio:.3f}"


def pace(grids: dict[str, Params], variant: str, workspace: Workspace) -> dict[str, float]:
    """Precision → updates done while float32 does one."""
    device, (dataset,) = select_device(), grids[ONE].compare.datasets
    specs = {name: plan_runs(workspace, grid, device_name(device), dataset, variant)[0] for name, grid in grids.items()}
    images, labels = training_images(specs[ONE], workspace, device)
    times = [{name: seconds_of(spec, images, labels, TIMED) for name, spec in specs.items()} for _ in range(REPEATS)]
    return {name: round(median(one[ONE] / one[name] for one in times), 2) for name in specs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="+", default=["wgan_gp", "iterative"])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    precisions = [ONE, "tf32", "bfloat16"] if select_device().type == "cuda" else [ONE, "bfloat16"]
    here, grids = Workspace(Path.cwd()), {name: asked(given, name) for name in precisions}
    (dataset,) = grids[ONE].compare.datasets
    with tempfile.TemporaryDirectory() as folder:
        workspace, rows = Workspace(Path(folder)), []
        shutil.copytree(here.prepared(dataset), workspace.prepared(dataset))
        shutil.copytree(here.features(dataset), workspace.features(dataset))
        found = {name: curves(grid, workspace) for name, grid in grids.items()}
        for variant in given.variants:
            paces = pace(grids, variant, workspace)
            by_seed = {name: [found[name][variant, seed] for seed in range(given.seeds)] for name in precisions}
            for name in precisions:
                facts = compared(by_seed[ONE], by_seed[name], grids[ONE])
                rows.append({"variant": variant, "precision": name, **facts, "pace": paces[name]})
    print_table(pd.DataFrame(rows).assign(dataset=dataset, seeds=given.seeds), given.to)


if __name__ == "__main__":
    main()
