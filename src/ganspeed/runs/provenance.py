"""Who trained a run, where, when and from which commit: the only file of a run with a clock."""

import platform
import subprocess
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ganspeed.system.files import read_json, write_json

DVC_LOCKS = ("dvc.lock", "studies/dvc.lock")


class Provenance:
    """Who trained a run, where and when; the only file with a clock, and no part of what a run is."""

    def __init__(self, path: Path, root: Path):
        self.path = path
        if path.exists():
            self.record = read_json(path)
            self.record["resumes"] += 1
        else:
            commit, dirty = git_state(root)
            start = datetime.now(UTC).isoformat(timespec="seconds")
            self.record = {"commit": commit, "dirty": dirty, "host": platform.node(), "start": start}
            self.record |= {"resumes": 0, "clock": []}
        spent = self.record["clock"][-1]["seconds"] if self.record["clock"] else 0.0
        self._zero = time.monotonic() - spent
        write_json(path, self.record)

    def tick(self, update: int) -> None:
        """Note the seconds spent so far, pauses left out; an update done again after a resume replaces its entry."""
        clock = [entry for entry in self.record["clock"] if entry["update"] < update]
        self.record["clock"] = [*clock, {"update": update, "seconds": round(time.monotonic() - self._zero, 3)}]

    def save(self) -> None:
        write_json(self.path, self.record)


@cache
def git_state(root: Path) -> tuple[str, bool | None]:
    """The commit, and whether the code differs from it; ("unknown", None) where `root` is no git checkout itself.

    dirty: a tracked file other than DVC's locks differs from the commit, or an untracked one lies under src/ or
    pipeline/. DVC rewrites its locks after every stage, which says nothing about the code.
    """
    if not (root / ".git").exists():  # an archive unpacked inside somebody else's checkout has no commit of its own
        return "unknown", None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        lines = _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
    except (OSError, subprocess.CalledProcessError):
        return "unknown", None
    changed = [line for line in lines if not line.startswith("??") and line[3:] not in DVC_LOCKS]
    untracked = [line for line in lines if line.startswith(("?? src/", "?? pipeline/"))]
    return commit, bool(changed or untracked)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout
