"""What stands in the way of a study, and the one way out of it: who holds its locks, which of its files are damaged.

A lock that a process takes goes with that process, however it ends: it may be held, never stale. What a kill or a full
disk can leave damaged, or naming a process that is no more, are the files that DVC writes in place.
"""

import json
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

TRAINING, MIRROR = "lock", "mlflow.lock"  # in the pool
LOCK_FILES = (".dvc/tmp/lock", ".dvc/tmp/rwlock.lock", f".runs/{TRAINING}", f".runs/{MIRROR}")
DVC_USERS = ".dvc/tmp/rwlock"  # which `dvc` reads or writes which path: {read: {path: [user]}, write: {path: user}}
DVC_RESULTS = ("dvc.lock", "studies/dvc.lock")


def holders(path: Path) -> list[str]:
    """The processes that have this file open, by number and command."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(Path(file.path) == path for file in process.open_files()):
                found.append(_named(process))
        except psutil.Error:  # another user's, or ended meanwhile
            continue
    return found


def held_locks(root: Path) -> list[str]:
    """A line for each lock of the study at `root` that is held: nothing is wrong, but somebody else is at work."""
    paths = [root / name for name in LOCK_FILES]
    return [
        f"{path}: held by {', '.join(found)}; wait for it or end it, the lock goes with it"
        for path in paths
        if path.is_file() and (found := holders(path))
    ]


def damaged_files(root: Path) -> list[str]:
    """A line for each file of the study at `root` that blocks it for nothing, with what to do about it."""
    found = [f"{root / name}: no file; remove it" for name in LOCK_FILES if (root / name).is_dir()]
    found += [text for name in DVC_RESULTS if (root / name).exists() and (text := _results_fault(root / name))]
    users = root / DVC_USERS
    if users.exists() and (reason := _users_fault(users)):
        found.append(f"{users}: {reason}; once no `dvc` is running here, remove it")
    return found


def _users_fault(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        users = [*content.get("write", {}).values()]
        users += [user for several in content.get("read", {}).values() for user in several]
        numbers = sorted({int(user["pid"]) for user in users})
    except (ValueError, TypeError, KeyError, AttributeError):
        return "damaged"
    others = [number for number in numbers if not _is_dvc(number)]
    return f"names process {', '.join(map(str, others))}, which is no dvc" if others else None


def _is_dvc(number: int) -> bool:
    try:
        return any(Path(part).name == "dvc" for part in psutil.Process(number).cmdline())
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False


def _results_fault(path: Path) -> str | None:
    try:
        content = YAML(typ="safe").load(path)
    except (YAMLError, ValueError):
        content = "damaged"
    if content is None or isinstance(content, dict):
        return None
    return f"{path}: damaged; `git checkout {path.name}`, or remove it: `dvc repro` writes it anew and keeps whole runs"


def _named(process: psutil.Process) -> str:
    return f"process {process.pid} ({' '.join(process.cmdline())[:80]})"
