"""Updates per second in total of a study of 1, 2, 4, ... runs of one variant at once, as `ganspeed run` trains it.

    python benchmarks/runs_at_once.py [--updates 400] [--repeats 3] [--to reports/benchmarks/NAME.csv] [...]

Run from the root of the project after `dvc repro prepare`; trains in a temporary folder, as long runs are trained, by
the traced engine where there is one, without the snapshots between the first and the last. Counted from the first
logged row of any run to the end of the last, so that the start of processes and tracing do not count. Sizes alternate;
median and range over the repeats.
"""

import argparse
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
from tables import print_table

from ganspeed.params.blocks import Params
from ganspeed.params.load import load_params
from ganspeed.runs.spec import plan_runs
from ganspeed.runs.train import train_all
from ganspeed.system.devices import device_name, select_device
from ganspeed.training.engines import choose
from ganspeed.workspace import Workspace

COUNTS = (1, 2, 4, 8, 16, 32, 64)


class Clock:
    """An observer that notes when the first row came and when the last run ended."""

    def __init__(self):
        self.first, self.last = 0.0, 0.0

    def started(self, spec) -> None: ...

    def logged(self, spec, row) -> None:
        self.first = self.first or time.perf_counter()

    def finished(self, spec) -> None:
        self.last = time.perf_counter()

    def scored(self, spec) -> None: ...

    def close(self) -> None: ...


def rate(parsed: Params, workspace: Workspace, dataset: str, variant: str, count: int, updates: int) -> float:
    """Updates per second of all runs together."""
    device, clock = select_device(), Clock()
    compare = parsed.compare.model_copy(update={"seeds": tuple(range(count))})
    asked = parsed.model_copy(update={"compare": compare})
    rare = {"updates": updates, "checkpoint_every": updates, "grid_ratio": 1e3}
    specs = [
        replace(spec, train=spec.train.model_copy(update=rare))
        for spec in plan_runs(workspace, asked, device_name(device), dataset, variant)
    ]
    train_all(specs, workspace, device, lambda specs: [clock])
    shutil.rmtree(workspace.run_cache)
    return count * (updates - 1) / (clock.last - clock.first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    choose.WORTH_TRACING = 0  # these runs stand for longer ones
    parsed = load_params(Path("params.yaml"))
    dataset, found = parsed.compare.datasets[0], []
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        shutil.copytree(Workspace(Path.cwd()).prepared(dataset), workspace.prepared(dataset))
        for _ in range(given.repeats):
            for count in COUNTS:
                found.append((count, rate(parsed, workspace, dataset, given.variant, count, given.updates)))
                print("{} at once: {:.1f}/s in total".format(*found[-1]), flush=True)
    table = pd.DataFrame(found, columns=["runs", "rate"]).groupby("runs")["rate"].agg(["median", "min", "max"])
    table = table.round(1).reset_index()
    print_table(table.assign(variant=given.variant, updates=given.updates), given.to)


if __name__ == "__main__":
    main()
