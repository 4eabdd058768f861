"""Who trained a run, where, when and from which commit: the only file of a run with a clock."""

import platform
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ganspeed.errors import UserError
from ganspeed.source_files import PACKAGE
from ganspeed.system.files import read_json, write_json
from ganspeed.system.git import GitError, file_names, git, is_checkout
from ganspeed.workspace import DVC_RESULTS

NO_CODE = ("__pycache__/", "*.egg-info/")  # what Python and pip leave below src/

UNKNOWN = "unknown"  # in place of a commit


@dataclass(frozen=True)
class Tick:
    """An entry of the clock: seconds of training up to this update.

    Without the time between a stop and its resume, but with that of a process that was suspended: it cannot know.
    """

    update: int
    seconds: float


@dataclass
class ProvenanceRecord:
    """The content of provenance.json, no part of a run's identity: a note of the process that trained, not a proof."""

    commit: str  # UNKNOWN where there was no git checkout, or the file is lost
    dirty: bool | None  # whether the code differed from the commit; None where there was no git checkout
    host: str
    start: str  # of the training: UTC, ISO 8601
    resumes: int
    clock: list[Tick]


RECORD = TypeAdapter(ProvenanceRecord)


def read_provenance(path: Path) -> ProvenanceRecord:
    """The only reader of provenance.json. Raises UserError when it is missing or damaged."""
    try:
        return RECORD.validate_python(read_json(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValidationError:
        raise UserError(f"{path}: damaged: not the provenance of a run") from None


def read_provenance_if_whole(path: Path) -> ProvenanceRecord:
    """As `read_provenance`; where the file is missing or damaged a line on stderr, and a record of no known commit."""
    try:
        return read_provenance(path)
    except UserError as error:
        _say_once(f"{error}; the run counts as one of no known commit")
        return ProvenanceRecord(UNKNOWN, dirty=None, host=UNKNOWN, start=UNKNOWN, resumes=0, clock=[])


@cache
def _say_once(line: str) -> None:
    """Print a line to stderr, once in this process: the report and the mirror after it read the same files."""
    print(line, file=sys.stderr, flush=True)


class Provenance:
    """The provenance of a run in training, written to `path`; that of a resumed run continues the record there.

    code: its commit, and whether it differs from it; see `git_state`.
    """

    def __init__(self, path: Path, code: tuple[str, bool | None], resumed: bool):
        self.path = path
        if resumed:
            self.record = read_provenance_if_whole(path)
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


def git_state(root: Path) -> tuple[str, bool | None]:
    """The commit, and whether the code differs from it; ("unknown", None) where `root` is no git checkout of the code.

    The commit is that of this process's first call, and dirty is what differed from it then or differs from one now:
    called before params.yaml is read and once training starts, it tells of an edit that is taken back in between.
    dirty: a tracked file but DVC_RESULTS differs from the commit, or the commit lacks a file below src/ or pipeline/,
    whatever hides it from `git status`. DVC rewrites DVC_RESULTS after every stage, which says nothing about the code.
    """
    commit, dirty = _first_git_state(root)
    return commit, _git_state_now(root)[1] is not False if dirty is False else dirty


@cache
def _first_git_state(root: Path) -> tuple[str, bool | None]:
    return _git_state_now(root)


def _git_state_now(root: Path) -> tuple[str, bool | None]:
    if not (is_checkout(root) and (root / "src" / PACKAGE.name).is_dir()):
        return UNKNOWN, None
    try:
        commit = git(root, "rev-parse", "--verify", "HEAD").decode().strip()
        changed = {*file_names(git(root, "diff", "--name-only", "--no-renames", "-z", "HEAD")), *_unwatched(root)}
        excludes = [f"--exclude={pattern}" for pattern in NO_CODE]
        untracked = file_names(git(root, "ls-files", "-z", "--others", *excludes, "--", "src", "pipeline"))
    except GitError as error:
        print(f"git does not tell the commit of {root}: {error}", file=sys.stderr, flush=True)
        return UNKNOWN, None
    return commit, bool(changed - {*DVC_RESULTS} or untracked)


def _unwatched(root: Path) -> list[str]:
    """Tracked files that are there and that git was asked not to compare: assume-unchanged and skip-worktree."""
    tagged = [line.split(" ", 1) for line in file_names(git(root, "ls-files", "-v", "-z"))]
    return [name for tag, name in tagged if tag != "H" and (root / name).exists()]
