"""The run store: finding the runs that the params ask for, and moving them between artifacts/ and the run cache.

A run is identified by its fingerprint, the hash of everything that decides its bytes. Finished runs of the grid are
under artifacts/runs/; unfinished runs, runs of `ganspeed run` that no stage has collected, and runs that the params no
longer name are in the run cache, `.runs/<fingerprint>/`, where a reverted edit finds them.
"""

import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from ganspeed.errors import UserError
from ganspeed.runs import locks
from ganspeed.runs.cache import matches, stash_run
from ganspeed.runs.record import RunRecord, write_record
from ganspeed.runs.spec import RunSpec
from ganspeed.system.files import move, sha256_file
from ganspeed.training.state import Outcome
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class RunStore:
    """The runs of one study, on disk."""

    workspace: Workspace

    def lock(self) -> AbstractContextManager:
        """Held while training: one process at a time trains in a study. The system frees it with its holder."""
        path = self.workspace.run_cache / locks.TRAINING_LOCK
        try:
            return locks.acquire(path, timeout=0)
        except Timeout:
            who = ", ".join(locks.holders(path))
            print(f"another training of this study is running: waiting for {who}", file=sys.stderr, flush=True)
            return locks.acquire(path)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; `ganspeed doctor` says what to do") from None

    def run_folder(self, spec: RunSpec) -> Path:
        """The run's folder under artifacts/."""
        return self.workspace.run(spec.dataset, spec.variant, spec.seed)

    def cache_folder(self, spec: RunSpec) -> Path:
        """The run's folder in the run cache: run/ (finished once it has run.json), checkpoints/, provenance.json."""
        return self.workspace.run_cache / spec.fingerprint

    def finished(self, spec: RunSpec) -> Path | None:
        """The folder of this run, finished and undamaged; None when it must be trained."""
        for folder in (self.run_folder(spec), self.cache_folder(spec) / "run"):
            if matches(folder, spec.fingerprint):
                return folder
        return None

    def collect(self, spec: RunSpec) -> bool:
        """Move a finished run to its folder under artifacts/; False when it must be trained.

        Its provenance is stashed before the run and collected after it: a kill between the two leaves it in the cache.
        """
        found, folder = self.finished(spec), self.run_folder(spec)
        if found is None:
            return False
        if found != folder:
            stash_run(self.workspace, spec.dataset, spec.variant, spec.seed)
            move(found, folder)
        provenance = self.workspace.provenance(spec.dataset, spec.variant, spec.seed)
        cached = self.cache_folder(spec) / "provenance.json"
        provenance.parent.mkdir(parents=True, exist_ok=True)  # DVC expects it, even if what was in it is lost
        missing = cached.exists() and not provenance.exists()
        if missing:
            move(cached, provenance)
        if missing or not (self.cache_folder(spec) / "run").exists():
            shutil.rmtree(self.cache_folder(spec), ignore_errors=True)
        return True

    def stash_others(self, specs: list[RunSpec], dataset: str, variant: str) -> None:
        """Move every run of this variant that is not among `specs` to the run cache."""
        wanted = {spec.seed: spec for spec in specs}
        for seed in self.workspace.seeds(self.workspace.runs(dataset, variant)):
            folder = self.workspace.run(dataset, variant, seed)
            if seed not in wanted or not matches(folder, wanted[seed].fingerprint):
                stash_run(self.workspace, dataset, variant, seed)

    def delete(self, spec: RunSpec) -> None:
        """Remove this run from artifacts/ and from the run cache, to train it afresh."""
        shutil.rmtree(self.run_folder(spec), ignore_errors=True)
        shutil.rmtree(self.cache_folder(spec), ignore_errors=True)


def seal(spec: RunSpec, folder: Path, outcome: Outcome) -> None:
    """Write run.json, the last file of a run: with it the run is finished."""
    record = RunRecord(
        dataset=spec.dataset,
        variant=spec.variant,
        status=outcome.status,
        diverged_at=outcome.diverged_at,
        fingerprint=spec.fingerprint,
        files={str(p.relative_to(folder)): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()},
        **spec.identity,
    )
    write_record(folder, record)
