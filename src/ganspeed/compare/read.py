"""Reads what a study is held against: the records in preregistration/ and the calibration of its metrics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from ganspeed.compare.records import Preregistration, StudyRecords, TuningRecord
from ganspeed.system.files import read_json, reading
from ganspeed.workspace import Workspace

T = TypeVar("T")


def read_records(workspace: Workspace, dataset: str) -> StudyRecords:
    """Both records of a data set. Raises UserError for a damaged one."""
    tuning = workspace.tuning_record(dataset)
    return StudyRecords(
        read_preregistration(workspace, dataset),
        _read_record(tuning, TuningRecord.from_json, f"ganspeed adopt-tuning {dataset}"),
    )


def read_preregistration(workspace: Workspace, dataset: str) -> Preregistration | None:
    """The record of `ganspeed freeze`, None where there is none. Raises UserError for a damaged one."""
    path = workspace.preregistration(dataset)
    return _read_record(path, Preregistration.from_json, f"ganspeed freeze {dataset}")


def _read_record(path: Path, from_json: Callable[[Any], T], command: str) -> T | None:
    if not path.exists():
        return None
    with reading(path, f"restore it by git, or remove it and run `{command}`"):
        return from_json(read_json(path))


def read_calibration(workspace: Workspace, dataset: str) -> pd.DataFrame:
    """Columns row, metric, value, n. Raises UserError for a missing or damaged table."""
    path = workspace.calibration(dataset)
    with reading(path, f"`dvc repro -f calibrate@{dataset}` writes it"):
        types = {"row": str, "metric": str, "value": float, "n": int}
        return pd.read_csv(path, usecols=list(types), dtype=types)
