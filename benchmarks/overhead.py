"""What rows of the history, progress and the MLflow mirror cost, as shares of the CPU time of a study's training.

    python benchmarks/overhead.py [--to reports/benchmarks/NAME.csv]

Run from the root of the project after `dvc repro prepare`; trains the grid of params.yaml on its first data set in a
temporary folder. Rows: by how much longer it takes from an update that is logged to the next one than from another,
medians within each group of runs. The rest: all CPU seconds of the process that starts the training, in which progress
and mirror are.
"""

import argparse
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from tables import tell

from ganspeed import execute, params, progress, stopping
from ganspeed.grid import of_block
from ganspeed.workspace import Workspace

train_group = execute._train_group


def timed_group(item: tuple) -> None:
    """As execute trains a group, with the time of every update noted: whether to stop is asked after each."""
    specs, workspace, _ = item
    times, wished = [], stopping.wished
    with patch.object(stopping, "wished", lambda: times.append(time.perf_counter()) or wished()):
        train_group(item)
    (workspace.root / f"{specs[0].fingerprint}.times").write_text(json.dumps([specs[0].parameters["train"], times]))


def rows_of(train: dict, times: list[float]) -> tuple[float, float]:
    """Seconds that a group of runs spent on rows, and in all."""
    after = {update: times[update] - times[update - 1] for update in range(1, len(times))}
    logged = {update for update in after if update % train["log_every"] == 0 or update == 1}
    others = set(of_block(train)) | {update for update in after if update % train["checkpoint_every"] == 0}
    with_row = statistics.median(after[update] for update in logged - others)
    without = statistics.median(after[update] for update in after.keys() - logged - others)
    return (with_row - without) * len(logged), times[-1] - times[0]


def cpu_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    parsed = params.load(Path("params.yaml"))
    (dataset, *_), where = parsed.compare.datasets, execute.device()
    asked = parsed.model_copy(update={"compare": parsed.compare.model_copy(update={"datasets": (dataset,)})})
    with tempfile.TemporaryDirectory() as folder, patch.object(execute, "_train_group", timed_group):
        workspace = Workspace(Path(folder))
        shutil.copytree(Workspace(Path.cwd()).prepared(dataset), workspace.prepared(dataset))
        specs, before = execute.grid(workspace, asked, where), cpu_seconds(resource.RUSAGE_SELF)
        execute.train_all(specs, workspace, where, progress.watch(workspace, asked))
        watching, training = cpu_seconds(resource.RUSAGE_SELF) - before, cpu_seconds(resource.RUSAGE_CHILDREN)
        groups = [rows_of(*json.loads(path.read_text())) for path in workspace.root.glob("*.times")]
    rows = sum(spent for spent, _ in groups) / sum(lasted for _, lasted in groups)
    shares = {"rows": rows, "progress and mirror": watching / training, "together": rows + watching / training}
    table = pd.DataFrame({"part": shares.keys(), "share": shares.values()}).round(4)
    tell(table.assign(training_cpu_s=round(training), runs=len(specs)), given.to)


if __name__ == "__main__":
    main()
