"""What blocks a study: locks that another process holds, and damaged files that DVC left behind.

The system frees a lock with the process that holds it: a lock may be held, never stale. But DVC writes some files in
place: a kill or a full disk can leave them damaged, or naming a process that has ended.
"""

import json
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ganspeed.workspace import Workspace

TRAINING_LOCK, MLFLOW_LOCK = "lock", "mlflow.lock"  # files in the run cache
DVC_LOCKS = (".dvc/tmp/lock", ".dvc/tmp/rwlock.lock")
DVC_USERS = ".dvc/tmp/rwlock"  # which `dvc` reads or writes which path: {read: {path: [user]}, write: {path: user}}
DVC_RESULTS = ("dvc.lock", "studies/dvc.lock")  # what every stage read and wrote, by its hash; no locks


def holders(path: Path) -> list[str]:
    """The processes that have this file open, by number and command."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(Path(file.path) == path for file in process.open_files()):
                found.append(f"process {process.pid} ({' '.join(process.cmdline())[:80]})")
        except psutil.Error:  # of another user, or it has just ended
            continue
    return found


def held_locks(workspace: Workspace) -> list[str]:
    """A line for each lock of the study that is held: nothing is wrong, but another process is at work."""
    return [
        f"{path}: held by {', '.join(found)}; wait for it or end it, which frees the lock"
        for path in _lock_files(workspace)
        if path.is_file() and (found := holders(path))
    ]


def damaged_files(workspace: Workspace) -> list[str]:
    """A line for each file that blocks the study without a reason, with what to do about it."""
    root = workspace.root
    problems = [f"{path}: not a file; remove it" for path in _lock_files(workspace) if path.is_dir()]
    problems += [line for name in DVC_RESULTS if (root / name).exists() and (line := _results_problem(root / name))]
    users = root / DVC_USERS
    if users.exists() and (problem := _users_problem(users)):
        problems.append(f"{users}: {problem}; once no `dvc` is running here, remove it")
    return problems


def _lock_files(workspace: Workspace) -> list[Path]:
    own = [workspace.run_cache / name for name in (TRAINING_LOCK, MLFLOW_LOCK)]
    return [workspace.root / name for name in DVC_LOCKS] + own


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


def _results_problem(path: Path) -> str | None:
    try:
        content = YAML(typ="safe").load(path)
    except (YAMLError, ValueError):
        content = "damaged"
    if content is None or isinstance(content, dict):
        return None
    return (
        f"{path}: damaged; `git checkout {path.name}`, or remove it: `dvc repro` writes it again and retrains no "
        "undamaged run"
    )
