"""Stage `compare`: time to threshold, speed-up and verdict on one data set."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

import pandas as pd

from stage import run_stage

from ganspeed.compare.compare import Clock, compare_runs
from ganspeed.compare.read import read_calibration, read_records
from ganspeed.compare.times import curves_of
from ganspeed.params.blocks import Params
from ganspeed.runs.timing import read_timing
from ganspeed.scoring.read import read_scores
from ganspeed.system.files import write_json
from ganspeed.workspace import Workspace


def compare(params: Params, workspace: Workspace, dataset: str) -> None:
    """Read the scores of every run of the grid and compare them; missing scores are an error, never left out."""
    tables, labels = read_scores(workspace, dataset, params)
    path = workspace.timing(dataset)
    timing = read_timing(path) if path.exists() else None
    clock = Clock(timing.seconds_per_update, timing.device) if timing else Clock()
    result = compare_runs(
        dataset,
        curves_of(pd.concat(tables.values()), {cell: label.run for cell, label in labels.items()}),
        params.dataset(dataset).threshold,
        params.protocol,
        read_calibration(workspace, dataset),
        clock,
        read_records(workspace, dataset),
    )
    write_json(workspace.comparison(dataset), result.to_json())


if __name__ == "__main__":
    run_stage(compare, "dataset")
