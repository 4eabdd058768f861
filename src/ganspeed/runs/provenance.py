"""Who trained a run, where, when and from which commit: the only file of a run with a clock."""

import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ganspeed.errors import UserError
from ganspeed.runs.locks import DVC_RESULTS
from ganspeed.system.files import read_json, write_json

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
        print(f"{error}; the run counts as one of no known commit", file=sys.stderr, flush=True)
        return ProvenanceRecord(UNKNOWN, dirty=None, host=UNKNOWN, start=UNKNOWN, resumes=0, clock=[])


class Provenance:
    """The provenance of a run in training, written to `path`; that of a resumed run continues the record there."""

    def __init__(self, path: Path, root: Path, resumed: bool):
        self.path = path
        if resumed:
            self.record = read_provenance_if_whole(path)
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

    dirty: a tracked file other than dvc.lock differs from the commit, or an untracked one is below src/ or pipeline/.
    DVC rewrites dvc.lock after every stage, which says nothing about the code.
    """
    if not (root / ".git").exists():  # an archive unpacked inside another checkout has no commit of its own
        return UNKNOWN, None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        lines = _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN, None
    changed = [line for line in lines if not line.startswith("??") and line[3:] not in DVC_RESULTS]
    untracked = [line for line in lines if line.startswith(("?? src/", "?? pipeline/"))]
    return commit, bool(changed or untracked)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout
