"""The store of scores: which the params ask for, which of them are there, and making the ones that are not.

Kept per seed by fingerprint, like the runs: scores that fit are left alone, those of an edit that was taken back come
from the pool, the rest are made side by side.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

import torch

from ganspeed import data, execute, pool
from ganspeed.errors import UserError
from ganspeed.features import verified
from ganspeed.files import read_json, sha256_file, sha256_json, write_json, write_text
from ganspeed.kept import SCORED_BY
from ganspeed.params import Evaluate, Params
from ganspeed.runs import RunSpec, RunStore
from ganspeed.workspace import Workspace

HASHES = tuple(f"{kind}{which}_sha256" for which in ("", "_second") for kind in ("classifier", "reference"))
LIBRARIES = ("numpy", "POT", "scikit-learn", "scipy")  # that metrics are computed with, beside torch
version = cache(metadata.version)  # looks for files at every call
NETWORK = ("z_dim", "width")  # what a generator is built from, beside the images' shape


@dataclass(frozen=True)
class Task:
    """One run to be scored, with all that decides its scores."""

    dataset: str
    variant: str
    seed: int
    run: Path
    record: dict  # run.json
    prepared: Path
    features: Path
    settings: Evaluate
    samples: int
    device: str

    @property
    def snapshots(self) -> dict[int, Path]:
        """Update → snapshot, ascending, as run.json lists them: the folder is never searched."""
        names = [Path(name) for name in self.record["files"] if name.startswith("snapshots/")]
        return dict(sorted((int(name.stem), self.run / name) for name in names))

    @cached_property
    def pinned(self) -> tuple[str, ...]:
        """Hashes of the classifiers, of the real images as they see them, and of the data: they pin both folders."""
        facts = verified(self.features)
        return (*(facts[name] for name in HASHES), data.manifest_sha256(self.prepared))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the table of scores, and of nothing else."""
        source = Path(__file__).parent
        return sha256_json(
            {
                "cell": [self.dataset, self.variant, self.seed],  # they stand in every line of the table
                "snapshots": {str(u): self.record["files"][f"snapshots/{p.name}"] for u, p in self.snapshots.items()},
                "network": {key: self.record["parameters"]["train"][key] for key in NETWORK},
                "real": self.pinned,
                "evaluate": [self.settings.model_dump(), self.samples],
                "sources": {name: sha256_file(source / name) for name in SCORED_BY},
                "versions": {"torch": torch.__version__, **{name: version(name) for name in LIBRARIES}},
                "device": execute.device_name(torch.device(self.device)),
            }
        )

    def label(self, table: Path) -> dict:
        """What lies beside the table: its fingerprint and hash, and what compare has to know of the run."""
        record, train = self.record, self.record["parameters"]["train"]
        return {
            "fingerprint": self.fingerprint,
            "sha256": sha256_file(table),
            "samples": self.samples,
            "split": self.settings.split,
            "evaluate": self.settings.model_dump(mode="json"),
            "run": {
                **{key: record[key] for key in ("fingerprint", "status", "diverged_at")},
                **{key: record[key] for key in ("device", "engine", "precision", "versions")},
                **{key: train[key] for key in ("updates", "batch_size", "grid_ratio")},
                "n_critic": record["parameters"]["variant"]["n_critic"],
                "variant": record["parameters"]["variant"],
            },
        }


def score_variant(workspace: Workspace, params: Params, dataset: str, variant: str) -> list[int]:
    """Bring the scores of one cell of the grid in step with params and runs; returns the seeds that were scored.

    Raises UserError, naming all of them, when a run that the params ask for is missing or a snapshot is not the one
    that was trained.
    """
    where = execute.device()
    tasks = [
        _task(workspace, params, dataset, variant, seed, workspace.run(dataset, variant, seed), where)
        for seed in _trained(workspace, params, dataset, variant)
    ]
    named = {task.seed for task in tasks}
    for table in sorted(workspace.scores(dataset, variant, 0).parent.glob("seed-*.csv")):
        if (seed := int(table.stem.removeprefix("seed-"))) not in named:
            pool.put_aside_scores(workspace, dataset, variant, seed)
    missing = [task for task in tasks if not _collect(workspace, task)]
    for task, table in execute.map_processes(make, missing, execute.workers(where)):
        _write(workspace.scores(dataset, variant, task.seed), table, task)
    return [task.seed for task in missing]


def work_ahead(workspace: Workspace, params: Params, specs: Iterable[RunSpec]) -> list[execute.Work]:
    """The scoring of those of these runs that are trained and lack scores, into the pool, where the stage finds them.

    Runs are passed over whose data set has no classifiers yet.
    """
    where, store, work = execute.device(), RunStore(workspace), []
    for spec in specs:
        if workspace.features(spec.dataset).exists() and (run := store.finished(spec)):
            task = _task(workspace, params, spec.dataset, spec.variant, spec.seed, run, where)
            if not any(_fits(place, task.fingerprint) for place in _places(workspace, task)):
                work.append((_make_ahead, (spec, task, pool.pooled_scores(workspace, task.fingerprint))))
    return work


def _make_ahead(item: tuple[RunSpec, Task, Path]) -> None:
    spec, task, path = item
    try:
        table = make(task)
    except UserError:
        return  # the stage says why; here it would end the runs that are being trained
    _write(path, table, task)
    execute.send(("scored", spec, None))


def make(task: Task) -> str:
    """`scoring.score`, for a process of its own: the metrics take a second to import, kept scores do without."""
    from ganspeed.scoring import score

    return score(task)


def _trained(workspace: Workspace, params: Params, dataset: str, variant: str) -> tuple[int, ...]:
    """The seeds of the grid, after it was made sure that each has a run."""
    records = [workspace.run(dataset, variant, seed) / "run.json" for seed in params.compare.seeds]
    if missing := [str(path.parent) for path in records if not path.exists()]:
        raise UserError(f"no finished run in: {', '.join(missing)}; the stage train@{dataset}-{variant} makes them")
    return params.compare.seeds


def _task(
    workspace: Workspace, params: Params, dataset: str, variant: str, seed: int, run: Path, where: torch.device
) -> Task:
    samples = params.dataset(dataset).evaluate.samples
    record, folders = read_json(run / "run.json"), (workspace.prepared(dataset), workspace.features(dataset))
    return Task(dataset, variant, seed, run, record, *folders, params.evaluate, samples, str(where))


def _collect(workspace: Workspace, task: Task) -> bool:
    """Make sure that the scores at their place fit, taking them from the pool if need be; False if there are none."""
    place, pooled = _places(workspace, task)
    if not _fits(place, task.fingerprint):
        pool.put_aside_scores(workspace, task.dataset, task.variant, task.seed)
        if not _fits(pooled, task.fingerprint):
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(pooled, place)
        os.replace(pooled.with_suffix(".json"), place.with_suffix(".json"))
    label = task.label(place)  # an edit that leaves the snapshots' bytes may still have changed what is told of the run
    if read_json(place.with_suffix(".json")) != label:
        write_json(place.with_suffix(".json"), label)
    return True


def _places(workspace: Workspace, task: Task) -> tuple[Path, Path]:
    """Where the scores of a task belong, and where they wait in the pool."""
    place = workspace.scores(task.dataset, task.variant, task.seed)
    return place, pool.pooled_scores(workspace, task.fingerprint)


def _write(path: Path, table: str, task: Task) -> None:
    write_text(path, table)
    write_json(path.with_suffix(".json"), task.label(path))


def _fits(table: Path, fingerprint: str) -> bool:
    """Whether a table and its label lie here, of this fingerprint and with the bytes that were written."""
    if not (table.exists() and table.with_suffix(".json").exists()):
        return False
    label = read_json(table.with_suffix(".json"))
    return label["fingerprint"] == fingerprint and label["sha256"] == sha256_file(table)
