"""Stage `compare`: time to threshold, speed-up and verdict on one data set."""

from pathlib import Path

import pandas as pd

from ganspeed.compare.compare import Clock, StudyRecords, compare_runs
from ganspeed.compare.times import curves_of
from ganspeed.params.blocks import Params
from ganspeed.scoring.read import read_scores
from ganspeed.system.files import read_json, write_json
from ganspeed.workspace import Workspace
from stage import run_stage


def compare(params: Params, workspace: Workspace, dataset: str) -> None:
    """Read every run's scores by params × seeds and compare them; a missing one is an error, never left out."""
    tables, labels = read_scores(workspace, dataset, params.compare)
    timing = _if_there(workspace.timing(dataset))
    clock = Clock(timing["seconds_per_update"], timing["device"]) if timing else Clock()
    records = StudyRecords(
        preregistration=_if_there(workspace.preregistration(dataset)), tuning=_if_there(workspace.tuning(dataset))
    )
    result = compare_runs(
        dataset,
        curves_of(pd.concat(tables.values()), {cell: label["run"] for cell, label in labels.items()}),
        params.dataset(dataset).threshold,
        params.protocol,
        pd.read_csv(workspace.calibration(dataset)),
        clock,
        records,
    )
    write_json(workspace.comparison(dataset), result)


def _if_there(path: Path) -> dict | None:
    return read_json(path) if path.exists() else None


if __name__ == "__main__":
    run_stage(compare, "dataset")
