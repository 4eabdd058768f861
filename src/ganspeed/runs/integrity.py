"""Whether finished runs and scores are undamaged, checked whenever they are read again. Imports no torch.

DVC trusts its cache by the mode of a file, and a disk may lose a bit: every file is checked against its own hash.
"""

from pathlib import Path
from typing import Any

from ganspeed.errors import UserError
from ganspeed.runs.record import RUN_JSON, read_record
from ganspeed.system.files import read_json, sha256_file, sha256_json
from ganspeed.workspace import Workspace


def run_problems(folder: Path) -> list[str]:
    """What is wrong with a finished run, one line each: run.json itself, and every file that it lists."""
    try:
        record = read_record(folder)
    except UserError as error:
        return [str(error)]
    if sha256_json(record.identity) != record.fingerprint:
        return [f"{folder / RUN_JSON}: damaged: its content does not match its fingerprint"]
    return [line for name, digest in record.files.items() for line in file_problems(folder / name, digest)]


def score_problems(table: Path) -> list[str]:
    """What is wrong with the scores of a run, one line each: the table, and its label beside it."""
    try:
        return file_problems(table, read_score_label(table)["sha256"])
    except UserError as error:
        return [str(error)]


def read_score_label(table: Path) -> dict[str, Any]:
    """The label beside a table of scores, with at least `fingerprint` and `sha256`.

    Raises UserError when it is missing or damaged.
    """
    path = table.with_suffix(".json")
    try:
        label = read_json(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    if not isinstance(label, dict) or not {"fingerprint", "sha256"} <= label.keys():
        raise UserError(f"{path}: damaged: it has no fingerprint and no sha256")
    return label


def refuse_damaged_runs(workspace: Workspace, dataset: str, variant: str, seeds: tuple[int, ...]) -> None:
    """Raise UserError naming every damaged file of these runs; runs that do not exist are no error."""
    folders = [workspace.run(dataset, variant, seed) for seed in seeds]
    if problems := [line for folder in folders if folder.exists() for line in run_problems(folder)]:
        raise UserError("\n".join([*problems, f"the stage train@{dataset}-{variant} trains damaged runs again"]))


def file_problems(path: Path, sha256: str) -> list[str]:
    """What is wrong with a file that was written with this SHA-256: nothing, or one line."""
    if not path.exists():
        return [f"{path}: no such file"]
    seen = sha256_file(path)
    return [] if seen == sha256 else [f"{path}: damaged: its SHA-256 is {seen}, it was written with {sha256}"]
