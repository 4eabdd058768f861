"""The store of scores: which the params ask for, which of them are there, and making the ones that are not.

Kept per seed by fingerprint, like the runs: scores that fit are left alone, those of an edit that was taken back come
from the pool, the rest are made side by side.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import torch

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.cache import cached_scores, stash_scores
from ganspeed.runs.record import RUN_JSON, read_record
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import Job
from ganspeed.scoring.task import Task
from ganspeed.system.devices import select_device, worker_count
from ganspeed.system.files import read_json, sha256_file, write_json, write_text
from ganspeed.system.processes import map_processes, send
from ganspeed.workspace import Workspace


def score_variant(workspace: Workspace, params: Params, dataset: str, variant: str) -> list[int]:
    """Bring the scores of one cell of the grid in step with params and runs; returns the seeds that were scored.

    Raises UserError, naming all of them, when a run that the params ask for is missing or a snapshot is not the one
    that was trained.
    """
    where = select_device()
    tasks = [
        _task(workspace, params, dataset, variant, seed, workspace.run(dataset, variant, seed), where)
        for seed in _trained(workspace, params, dataset, variant)
    ]
    named = {task.seed for task in tasks}
    for table in sorted(workspace.scores(dataset, variant, 0).parent.glob("seed-*.csv")):
        if (seed := int(table.stem.removeprefix("seed-"))) not in named:
            stash_scores(workspace, dataset, variant, seed)
    missing = [task for task in tasks if not _collect(workspace, task)]
    for task, table in map_processes(score_task, missing, worker_count(where)):
        _write(workspace.scores(dataset, variant, task.seed), table, task)
    return [task.seed for task in missing]


def scoring_jobs(workspace: Workspace, params: Params, specs: Iterable[RunSpec]) -> list[Job]:
    """The scoring of those of these runs that are trained and lack scores, into the pool, where the stage finds them.

    Runs are passed over whose data set has no classifiers yet.
    """
    where, store, work = select_device(), RunStore(workspace), []
    for spec in specs:
        if workspace.features(spec.dataset).exists() and (run := store.finished(spec)):
            task = _task(workspace, params, spec.dataset, spec.variant, spec.seed, run, where)
            if not any(_is_current(place, task.fingerprint) for place in _places(workspace, task)):
                work.append(Job(_score_into_cache, (spec, task, cached_scores(workspace, task.fingerprint))))
    return work


def _score_into_cache(spec: RunSpec, task: Task, path: Path) -> None:
    try:
        table = score_task(task)
    except UserError:
        return  # the stage says why; here it would end the runs that are being trained
    _write(path, table, task)
    send(("scored", spec))


def score_task(task: Task) -> str:
    """`scoring.score`, for a process of its own: the metrics take a second to import, kept scores do without."""
    from ganspeed.scoring.snapshots import score

    return score(task)


def _trained(workspace: Workspace, params: Params, dataset: str, variant: str) -> tuple[int, ...]:
    """The seeds of the grid, after it was made sure that each has a run."""
    records = [workspace.run(dataset, variant, seed) / RUN_JSON for seed in params.compare.seeds]
    if missing := [str(path.parent) for path in records if not path.exists()]:
        raise UserError(f"no finished run in: {', '.join(missing)}; the stage train@{dataset}-{variant} makes them")
    return params.compare.seeds


def _task(
    workspace: Workspace, params: Params, dataset: str, variant: str, seed: int, run: Path, where: torch.device
) -> Task:
    samples = params.dataset(dataset).evaluate.samples
    folders = workspace.prepared(dataset), workspace.features(dataset)
    return Task(dataset, variant, seed, run, read_record(run), *folders, params.evaluate, samples, str(where))


def _collect(workspace: Workspace, task: Task) -> bool:
    """Make sure that the scores at their place fit, taking them from the pool if need be; False if there are none."""
    place, pooled = _places(workspace, task)
    if not _is_current(place, task.fingerprint):
        stash_scores(workspace, task.dataset, task.variant, task.seed)
        if not _is_current(pooled, task.fingerprint):
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
    return place, cached_scores(workspace, task.fingerprint)


def _write(path: Path, table: str, task: Task) -> None:
    write_text(path, table)
    write_json(path.with_suffix(".json"), task.label(path))


def _is_current(table: Path, fingerprint: str) -> bool:
    """Whether a table and its label lie here, of this fingerprint and with the bytes that were written."""
    if not (table.exists() and table.with_suffix(".json").exists()):
        return False
    label = read_json(table.with_suffix(".json"))
    return label["fingerprint"] == fingerprint and label["sha256"] == sha256_file(table)
