"""Who trained a run, where, when and from which commit: the only file of a run with a clock."""

import platform
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ganspeed.runs.locks import DVC_RESULTS
from ganspeed.system.files import read_json, write_json
from ganspeed.system.git import GitError, file_names, git, is_checkout

NO_CODE = ("__pycache__/", "*.egg-info/")  # what Python and pip leave below src/


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
    """The provenance of a run in training, written to `path`; a resumed run continues the record that is there.

    code: its commit, and whether it differs from it; see `git_state`.
    """

    def __init__(self, path: Path, code: tuple[str, bool | None]):
        self.path = path
        if path.exists():
            self.record = ProvenanceRecord(**read_json(path))
            self.record.clock = [Tick(**entry) for entry in self.record.clock]
            self.record.resumes += 1
        else:
            start = datetime.now(UTC).isoformat(timespec="seconds")
            self.record = ProvenanceRecord(*code, platform.node(), start, resumes=0, clock=[])
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

    dirty: a tracked file but DVC_RESULTS differs from the commit, or the commit lacks a file below src/ or pipeline/,
    whatever hides it from `git status`. DVC rewrites DVC_RESULTS after every stage, which says nothing about the code.
    """
    if not is_checkout(root):
        return "unknown", None
    try:
        commit = git(root, "rev-parse", "--verify", "HEAD").decode().strip()
        changed = {*file_names(git(root, "diff", "--name-only", "--no-renames", "-z", "HEAD")), *_unwatched(root)}
        excludes = [f"--exclude={pattern}" for pattern in NO_CODE]
        untracked = file_names(git(root, "ls-files", "-z", "--others", *excludes, "--", "src", "pipeline"))
    except GitError as error:
        print(f"git does not tell the commit of {root}: {error}", file=sys.stderr, flush=True)
        return "unknown", None
    return commit, bool(changed - {*DVC_RESULTS} or untracked)


def _unwatched(root: Path) -> list[str]:
    """Tracked files that are there and that git was asked not to compare: assume-unchanged and skip-worktree."""
    tagged = [line.split(" ", 1) for line in file_names(git(root, "ls-files", "-v", "-z"))]
    return [name for tag, name in tagged if tag != "H" and (root / name).exists()]
