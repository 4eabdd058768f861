"""Who trained a run, where, when and from which commit: the only file of a run with a clock."""

import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ganspeed.runs.locks import DVC_RESULTS
from ganspeed.system.files import read_json, write_json


@dataclass(frozen=True)
class Tick:
    """An entry of the clock: seconds of training up to this update, without pauses."""

    update: int
    seconds: float


@dataclass
class ProvenanceRecord:
    """The content of provenance.json, no part of a run's identity."""

    commit: str
    dirty: bool | None  # whether the code differed from the commit; None where there was no git checkout
    host: str
    start: str  # of the training: UTC, ISO 8601
    resumes: int
    clock: list[Tick]


class Provenance:
    """The provenance of a run in training, written to `path`; a resumed run continues the record that is there."""

    def __init__(self, path: Path, root: Path):
        self.path = path
        if path.exists():
            self.record = ProvenanceRecord(**read_json(path))
            self.record.clock = [Tick(**entry) for entry in self.record.clock]
            self.record.resumes += 1
        else:
            start = datetime.now(UTC).isoformat(timespec="seconds")
            self.record = ProvenanceRecord(*git_state(root), platform.node(), start, resumes=0, clock=[])
        spent = self.record.clock[-1].seconds if self.record.clock else 0.0
        self._zero = time.monotonic() - spent
        self.save()

    def tick(self, update: int) -> None:
        """Add the seconds spent so far; an update that is repeated after a resume replaces its entry."""
        clock = [entry for entry in self.record.clock if entry.update < update]
        self.record.clock = [*clock, Tick(update, round(time.monotonic() - self._zero, 3))]

    def save(self) -> None:
        write_json(self.path, asdict(self.record))


@cache
def git_state(root: Path) -> tuple[str, bool | None]:
    """The commit, and whether the code differs from it; ("unknown", None) where `root` itself is no git checkout.

    dirty: a tracked file but DVC_RESULTS differs from the commit, or an untracked one is below src/ or pipeline/.
    DVC rewrites those after every stage, which says nothing about the code.
    """
    if not (root / ".git").exists():  # an archive unpacked inside another checkout has no commit of its own
        return "unknown", None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        lines = _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
    except (OSError, subprocess.CalledProcessError):
        return "unknown", None
    changed = [line for line in lines if not line.startswith("??") and line[3:] not in DVC_RESULTS]
    untracked = [line for line in lines if line.startswith(("?? src/", "?? pipeline/"))]
    return commit, bool(changed or untracked)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout
