"""The run store: which runs the params ask for, which of them are there, and moving them without losing any.

A run is known by its fingerprint: everything that decides its bytes, and nothing else. A finished run lies under
artifacts/runs/; unfinished ones, runs trained ahead, and runs that the params no longer name lie in the pool,
`.runs/<fingerprint>/`, from where an edit that is taken back fetches them.
"""

import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ganspeed import data, engines, locks, pool
from ganspeed.errors import UserError
from ganspeed.files import read_json, replace_folder, sha256_file, sha256_json, write_json
from ganspeed.params import Params
from ganspeed.training import Outcome, Recipe
from ganspeed.workspace import Workspace

SOURCE = Path(__file__).parent
TRIALS = "tuning"  # the pool's folder of scored trials
DVC_LOCKS = ("dvc.lock", "studies/dvc.lock")


@dataclass(frozen=True)
class RunSpec:
    """One run: a data set, a variant and a seed, with everything that decides its bytes."""

    dataset: str
    variant: str
    seed: int  # of the grid; it is trained with seed + seed_offset
    seed_offset: int
    parameters: dict  # the blocks data, train and variant, as plain values
    manifest_sha256: str
    shape: tuple[int, int, int]
    device: str

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.seed + self.seed_offset, self.parameters["train"], self.parameters["variant"], self.shape)

    @cached_property
    def engine(self) -> str:
        return engines.choose(self.parameters["train"], self.shape, self.device)

    @property
    def identity(self) -> dict:
        """What decides the run's bytes; the variant's name is not among it."""
        return {
            "seed": self.seed + self.seed_offset,
            "parameters": self.parameters,
            "manifest_sha256": self.manifest_sha256,
            "sources": source_hashes(self.parameters["variant"]["objective"], self.engine),
            "versions": {"torch": torch.__version__},
            "device": self.device,
            "precision": self.parameters["train"]["precision"],
            "engine": self.engine,
        }

    @cached_property
    def fingerprint(self) -> str:
        return sha256_json(self.identity)


@cache
def source_hashes(objective: str, engine: str) -> dict[str, str]:
    """File → SHA-256 of the sources that a run with this objective really uses."""
    names = ["convolutions.py", "grid.py", "networks.py", "pictures.py", "randomness.py", "training.py"]
    names += ["objectives/__init__.py", f"objectives/{objective}.py"]
    if engine != engines.EAGER:
        names += ["engines/lanes.py", "engines/steps.py"]
    return {name: sha256_file(SOURCE / name) for name in sorted(names)}


def plan(workspace: Workspace, params: Params, device: str, dataset: str, variant: str) -> list[RunSpec]:
    """The runs of one cell of the grid, by seed. Raises DataError when the data set is not prepared."""
    folder, block, recipe = workspace.prepared(dataset), params.dataset(dataset), params.variant(variant)
    manifest = data.read_manifest(folder)
    parameters = {
        "data": block.data.model_dump(mode="json"),
        "train": block.train.model_dump(mode="json"),
        "variant": recipe.resolved(),
    }
    shape, digest = tuple(manifest["splits"]["train"]["shape"]), data.manifest_sha256(folder)
    return [
        RunSpec(dataset, variant, seed, recipe.seed_offset, parameters, digest, shape, device)
        for seed in params.compare.seeds
    ]


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
            if pool.matches(folder, spec.fingerprint):
                return folder
        return None

    def collect(self, spec: RunSpec) -> bool:
        """Bring a finished run to its place under artifacts/. False when there is none.

        Its provenance is put aside before it and comes back after it: a kill between the two leaves it in the pool.
        """
        found, place = self.finished(spec), self.place(spec)
        if found and found != place:
            pool.put_aside_run(self.workspace, spec.dataset, spec.variant, spec.seed)
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
            if seed not in keep or not pool.matches(place, keep[seed].fingerprint):
                pool.put_aside_run(self.workspace, dataset, variant, seed)

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


def collect_garbage(workspace: Workspace, needed: set[str]) -> int:
    """Remove from the pool every run that is not needed and all scores put aside; returns the bytes freed.

    Scored trials of tuning stay: they are small, and without them an hour of tuning would be done again.
    """
    freed = 0
    for entry in sorted(workspace.pool.iterdir()) if workspace.pool.exists() else []:
        if entry.is_dir() and entry.name not in needed and entry.name != TRIALS:
            freed += sum(p.stat().st_size for p in entry.rglob("*") if p.is_file())
            shutil.rmtree(entry)
    return freed
