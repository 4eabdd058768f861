"""What blocks a study: locks, damaged files that DVC left behind, and damaged records of finished runs.

DVC writes some files in place: a kill or a full disk can leave them damaged, or naming a process that has ended.
"""

import json
import os
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ganspeed.errors import UserError
from ganspeed.runs import locks
from ganspeed.runs.integrity import score_problems
from ganspeed.runs.provenance import read_provenance
from ganspeed.runs.record import RUN_JSON
from ganspeed.workspace import DVC_RESULTS, Workspace

DVC_LOCKS = (".dvc/tmp/lock", ".dvc/tmp/rwlock.lock")
DVC_USERS = ".dvc/tmp/rwlock"  # which `dvc` reads or writes which path: {read: {path: [user]}, write: {path: user}}


def held_locks(workspace: Workspace) -> list[str]:
    """A line for each lock of the study that is held: nothing is wrong, but another process is at work."""
    return [
        f"{path}: held by {', '.join(found)}; wait for it or end it, which frees the lock"
        for path in [*_dvc_locks(workspace), *_own_locks(workspace)]
        if os.path.isfile(path) and (found := locks.holders(path))
    ]


def problems(workspace: Workspace) -> list[str]:
    """A line for each thing that blocks the study without a reason, with what to do about it.

    Raises UserError when the workspace is no study.
    """
    if not workspace.params.is_file():
        raise UserError(f"{workspace.params}: no such file; `--root` names the folder of a study, which has one")
    found = [line for path in _own_locks(workspace) if (line := locks.problem(path))]
    found += [line for path in _dvc_locks(workspace) if (line := _dvc_lock_problem(path))]
    found += [line for name in DVC_RESULTS if (line := _results_problem(workspace.root, name))]
    users = workspace.root / DVC_USERS
    if users.exists() and (problem := _users_problem(users)):
        found.append(f"{users}: {problem}; once no `dvc` is running here, remove it")
    return found + _provenance_problems(workspace) + _label_problems(workspace)


def _own_locks(workspace: Workspace) -> list[Path]:
    return [workspace.run_cache / name for name in (locks.TRAINING_LOCK, locks.MLFLOW_LOCK)]


def _dvc_locks(workspace: Workspace) -> list[Path]:
    return [workspace.root / name for name in DVC_LOCKS]


def _dvc_lock_problem(path: Path) -> str | None:
    if path.is_dir():
        return f"{path}: not a file; remove it"
    if path.exists() and not os.access(path, os.W_OK):
        return f"{path}: not yours to write; once no `dvc` is running here, remove it"
    return None


def _users_problem(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        users = [*content.get("write", {}).values()]
        users += [user for several in content.get("read", {}).values() for user in several]
        pids = sorted({int(user["pid"]) for user in users})
    except (ValueError, TypeError, KeyError, AttributeError):
        return "damaged"
    others = [pid for pid in pids if not _is_dvc(pid)]
    return f"names process {', '.join(map(str, others))}, which is no dvc" if others else None


def _is_dvc(pid: int) -> bool:
    try:
        return any(Path(part).name == "dvc" for part in psutil.Process(pid).cmdline())
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False


def _results_problem(root: Path, name: str) -> str | None:
    """Whether dvc refuses its own record of results, by dvc's schema: a cut file may be YAML all the same."""
    path = root / name
    if not path.exists():
        return None
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # takes a second
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(path))
    except (YAMLError, ValueError, Invalid):
        return (
            f"{path}: damaged; `git checkout {name}`, or remove it: `dvc repro` writes it again and retrains no "
            "undamaged run"
        )
    return None


def _provenance_problems(workspace: Workspace) -> list[str]:
    """Finished runs without a provenance that can be read, and those of the run cache where it is damaged."""
    found = []
    for cell in sorted((workspace.artifacts / "runs").glob("*/*")):
        dataset, variant = cell.parent.name, cell.name
        again = f"GANSPEED_FRESH=1 dvc repro -f -s train@{dataset}-{variant}"
        for seed in workspace.seeds(cell):
            if (workspace.run(dataset, variant, seed) / RUN_JSON).exists():
                found += _unknown_origin(workspace.provenance(dataset, variant, seed), f"`{again}`")
    for path in sorted(workspace.run_cache.glob("*/provenance.json")):
        found += _unknown_origin(path, f"removing {path.parent}")
    return found


def _unknown_origin(path: Path, way: str) -> list[str]:
    try:
        read_provenance(path)
    except UserError as error:
        return [f"{error}; the study goes on, its run one of no known commit; {way} trains it again"]
    return []


def _label_problems(workspace: Workspace) -> list[str]:
    """Damaged scores: their stage makes them again by itself."""
    cells = [(cell, seed) for cell in (workspace.artifacts / "scores").glob("*/*") for seed in workspace.seeds(cell)]
    tables = [workspace.scores(cell.parent.name, cell.name, seed) for cell, seed in sorted(cells)]
    return [f"{line}; `dvc repro` scores the run again" for table in tables for line in score_problems(table)]
