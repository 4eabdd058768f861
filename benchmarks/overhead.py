"""What a study costs beside its updates: rows, snapshots and pictures, progress and the MLflow mirror; as shares.

    python benchmarks/overhead.py [--repeats 3] [--to reports/benchmarks/NAME.csv]

Run from the root of the project after `dvc repro prepare`; trains the grid of params.yaml on its first data set in a
temporary folder, each time anew, into a fresh database of MLflow; median, lowest and highest share. Shares are of the
time in which groups of runs are trained, from the first update to the last. Rows, with the probes of each: by how much
longer it takes from an update that is logged to the next one than from another, medians within each group. Lints, which
are the probes of three rows, and snapshots and pictures, sample grids and the GIF among them: by the clock. Progress
and mirror: all CPU seconds of the process that starts the training.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch
from tables import print_table

from ganspeed.params.load import load_params
from ganspeed.runs import train
from ganspeed.runs.spec import RunSpec, all_specs
from ganspeed.runs.train import _train_group, train_all
from ganspeed.system.devices import select_device
from ganspeed.tracking import terminal
from ganspeed.training import loop
from ganspeed.training.snapshot_grid import snapshot_updates
from ganspeed.training.snapshots import SnapshotWriter
from ganspeed.workspace import Workspace

train_group = _train_group


def timed_group(
    specs: list[RunSpec], workspace: Workspace, device: torch.device, code: tuple[str, bool | None]
) -> None:
    """As a worker trains a group, with the time of every update noted, and what its pictures took.

    Whether to stop is asked after each update.
    """
    updates, pictures, lints, requested = [], [], [], train.requested

    def timed(method: Callable, seconds: list[float]) -> Callable:
        def call(*arguments) -> object:
            start = time.perf_counter()
            found = method(*arguments)
            seconds.append(time.perf_counter() - start)
            return found

        return call

    with (
        patch.object(train, "requested", lambda: updates.append(time.perf_counter()) or requested()),
        patch.object(SnapshotWriter, "write", timed(SnapshotWriter.write, pictures)),
        patch.object(loop, "write_gif", timed(loop.write_gif, pictures)),
        patch.object(loop, "lint", timed(loop.lint, lints)),
    ):
        train_group(specs, workspace, device, code)
    seconds = {"pictures": sum(pictures), "lints": sum(lints)}
    found = {"train": specs[0].train.model_dump(), "updates": updates, **seconds}
    (workspace.root / f"{specs[0].fingerprint}.times").write_text(json.dumps(found))


def seconds_on_rows(train: dict, updates: list[float]) -> float:
    after = {update: updates[update] - updates[update - 1] for update in range(1, len(updates))}
    logged = {update for update in after if update % train["log_every"] == 0 or update == 1}
    others = set(snapshot_updates(train["updates"], train["grid_ratio"])) | {
        update for update in after if update % train["checkpoint_every"] == 0
    }
    with_row = statistics.median(after[update] for update in logged - others)
    without = statistics.median(after[update] for update in after.keys() - logged - others)
    return (with_row - without) * len(logged)


def shares() -> dict[str, float]:
    """Of one training of the grid."""
    parsed, device = load_params(Path("params.yaml")), select_device()
    (dataset, *_), before = parsed.compare.datasets, time.process_time()
    asked = parsed.model_copy(update={"compare": parsed.compare.model_copy(update={"datasets": (dataset,)})})
    with tempfile.TemporaryDirectory() as folder, patch.object(train, "_train_group", timed_group):
        workspace = Workspace(Path(folder))
        shutil.copytree(Workspace(Path.cwd()).prepared(dataset), workspace.prepared(dataset))
        specs = all_specs(workspace, asked, device)
        train_all(specs, workspace, device, terminal.make_observers(workspace, asked))
        groups = [json.loads(path.read_text()) for path in workspace.root.glob("*.times")]
    training = sum(group["updates"][-1] - group["updates"][0] for group in groups)
    found = {
        "rows": sum(seconds_on_rows(group["train"], group["updates"]) for group in groups) / training,
        "lints": sum(group["lints"] for group in groups) / training,
        "snapshots and pictures": sum(group["pictures"] for group in groups) / training,
        "progress and mirror": (time.process_time() - before) / training,
    }
    found["rows, lints, progress and mirror"] = found["rows"] + found["lints"] + found["progress and mirror"]
    print({part: round(share, 4) for part, share in found.items()}, f"of {training:.0f} s", flush=True)
    return found


def one_study() -> dict[str, float]:
    """`shares` in a process of its own, which imports MLflow as the one of a study does."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(shares).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    table = pd.DataFrame([one_study() for _ in range(given.repeats)]).agg(["median", "min", "max"]).T
    print_table(table.round(4).rename_axis("part").reset_index().assign(repeats=given.repeats), given.to)


if __name__ == "__main__":
    main()
