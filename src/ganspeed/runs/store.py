"""The run store: which runs the params ask for, which of them are there, and moving them without losing any.

A run is known by its fingerprint: everything that decides its bytes, and nothing else. A finished run lies under
artifacts/runs/; unfinished ones, runs trained ahead, and runs that the params no longer name lie in the pool,
`.runs/<fingerprint>/`, from where an edit that is taken back fetches them.
"""

import os
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ganspeed.errors import UserError
from ganspeed.runs import locks
from ganspeed.runs.cache import matches, stash_run
from ganspeed.runs.spec import RunSpec
from ganspeed.system.files import replace_folder, sha256_file, write_json
from ganspeed.training.state import Outcome
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class RunStore:
    """The runs of one study, on disk."""

    workspace: Workspace

    def lock(self) -> AbstractContextManager:
        """Held while training, one at a time in a study; the system frees it with the process that holds it."""
        self.workspace.pool.mkdir(parents=True, exist_ok=True)
        path = self.workspace.pool / locks.TRAINING
        lock = FileLock(path)
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            who = ", ".join(locks.holders(path))
            print(f"another training of this study is running: waiting for {who}", file=sys.stderr, flush=True)
            return lock.acquire()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; `ganspeed doctor` says what to do") from None

    def pooled(self, spec: RunSpec) -> Path:
        """The pool's folder of this run: run/ (finished when run/run.json is there), checkpoint, provenance.json."""
        return self.workspace.pool / spec.fingerprint

    def place(self, spec: RunSpec) -> Path:
        return self.workspace.run(spec.dataset, spec.variant, spec.seed)

    def finished(self, spec: RunSpec) -> Path | None:
        """Where this run lies finished, whole and of this fingerprint; None when it must be trained."""
        for folder in (self.place(spec), self.pooled(spec) / "run"):
            if matches(folder, spec.fingerprint):
                return folder
        return None

    def collect(self, spec: RunSpec) -> bool:
        """Bring a finished run to its place under artifacts/. False when there is none.

        Its provenance is put aside before it and comes back after it: a kill between the two leaves it in the pool.
        """
        found, place = self.finished(spec), self.place(spec)
        if found and found != place:
            stash_run(self.workspace, spec.dataset, spec.variant, spec.seed)
            replace_folder(found, place)
        provenance = self.workspace.provenance(spec.dataset, spec.variant, spec.seed)
        pooled = self.pooled(spec) / "provenance.json"
        if found and pooled.exists() and not provenance.exists():
            provenance.parent.mkdir(parents=True, exist_ok=True)
            os.replace(pooled, provenance)
            shutil.rmtree(self.pooled(spec), ignore_errors=True)
        return found is not None

    def put_aside_all_but(self, specs: list[RunSpec], dataset: str, variant: str) -> None:
        """Clear one cell of every run that is not among `specs`."""
        keep = {spec.seed: spec for spec in specs}
        for place in sorted(self.workspace.runs(dataset, variant).glob("seed-*")):
            seed = int(place.name.removeprefix("seed-"))
            if seed not in keep or not matches(place, keep[seed].fingerprint):
                stash_run(self.workspace, dataset, variant, seed)

    def forget(self, spec: RunSpec) -> None:
        """Remove this run wherever it lies, to train it afresh."""
        shutil.rmtree(self.place(spec), ignore_errors=True)
        shutil.rmtree(self.pooled(spec), ignore_errors=True)


def seal(spec: RunSpec, folder: Path, outcome: Outcome) -> None:
    """Write run.json, the last file of a run: with it the run is finished. No clock and no commit in it."""
    files = {str(p.relative_to(folder)): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    write_json(
        folder / "run.json",
        {
            "dataset": spec.dataset,
            "variant": spec.variant,
            "status": outcome.status,
            "diverged_at": outcome.diverged_at,
            "fingerprint": spec.fingerprint,
            "files": files,
            **spec.identity,
        },
    )
