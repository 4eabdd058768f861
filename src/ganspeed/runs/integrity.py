"""Whether finished runs and scores still are what was written, asked whenever they are read again. Imports no torch.

DVC trusts its cache by the mode of a file, and a disk may lose a bit: what is read is held against its own hashes.
"""

from pathlib import Path

from ganspeed.errors import UserError
from ganspeed.runs.fingerprint import IDENTITY
from ganspeed.system.files import read_json, sha256_file, sha256_json
from ganspeed.workspace import Workspace


def run_problems(folder: Path) -> list[str]:
    """What is wrong with a finished run, in lines: run.json itself, and every file that it lists."""
    path = folder / "run.json"
    try:
        record = read_json(path)
        if sha256_json({key: record[key] for key in IDENTITY}) != record["fingerprint"]:
            return [f"{path}: damaged: its content is not that of its fingerprint"]
        return [line for name, digest in record["files"].items() for line in _file_problems(folder / name, digest)]
    except FileNotFoundError:
        return [f"{path}: no such file"]
    except (ValueError, TypeError, KeyError) as error:
        return [f"{path}: damaged: {error}"]


def score_problems(table: Path) -> list[str]:
    """What is wrong with the scores of a run, in lines: the table, and its label beside it."""
    path = table.with_suffix(".json")
    try:
        return _file_problems(table, read_json(path)["sha256"])
    except FileNotFoundError:
        return [f"{path}: no such file"]
    except (ValueError, TypeError, KeyError) as error:
        return [f"{path}: damaged: {error}"]


def refuse_damaged_runs(workspace: Workspace, dataset: str, variant: str, seeds: tuple[int, ...]) -> None:
    """Raises UserError naming every file of these runs that is not the one that was written; absent runs are none."""
    folders = [workspace.run(dataset, variant, seed) for seed in seeds]
    if found := [line for folder in folders if folder.exists() for line in run_problems(folder)]:
        raise UserError("\n".join([*found, f"the stage train@{dataset}-{variant} trains damaged runs again"]))


def _file_problems(path: Path, sha256: str) -> list[str]:
    if not path.exists():
        return [f"{path}: no such file"]
    seen = sha256_file(path)
    return [] if seen == sha256 else [f"{path}: damaged: its SHA-256 is {seen}, it was written with {sha256}"]
