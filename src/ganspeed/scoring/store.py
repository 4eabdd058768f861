"""The store of scores: which the params ask for, which of them are up to date, and computing the others.

By seed and fingerprint, like the runs: scores that are up to date stay, those of an edit that was reverted come from
the run cache, the others are computed side by side.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import torch

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.cache import cached_scores, stash_scores
from ganspeed.runs.integrity import score_problems
from ganspeed.runs.record import RUN_JSON, read_record
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import Job
from ganspeed.scoring.label import is_current, write_label
from ganspeed.scoring.sources import refuse_edited_scoring
from ganspeed.scoring.task import Task
from ganspeed.system.devices import select_device, worker_count
from ganspeed.system.files import move, write_text
from ganspeed.system.processes import map_processes, send
from ganspeed.workspace import Workspace


def score_variant(workspace: Workspace, params: Params, dataset: str, variant: str) -> list[int]:
    """Bring the scores of one cell of the grid in step with params and runs; returns the seeds that were scored.

    Raises UserError, naming all of them, when a run that the params ask for is missing or a snapshot is not the one
    that was trained.
    """
    device = select_device()
    runs = {seed: workspace.run(dataset, variant, seed) for seed in params.compare.seeds}
    if untrained := [str(run) for run in runs.values() if not (run / RUN_JSON).exists()]:
        raise UserError(f"no finished run in: {', '.join(untrained)}; the stage train@{dataset}-{variant} makes them")
    tasks = [plan_task(workspace, params, dataset, variant, seed, run, device) for seed, run in runs.items()]
    named = {task.seed for task in tasks}
    for seed in set(workspace.seeds(workspace.scores_folder(dataset, variant))) - named:
        stash_scores(workspace, dataset, variant, seed)
    missing = [task for task in tasks if not _collect(workspace, task)]
    if missing:
        print(f"{dataset} {variant}: scoring {len(missing)} runs", file=sys.stderr, flush=True)
    for count, (task, table) in enumerate(map_processes(score_task, missing, worker_count(device)), start=1):
        _write(workspace.scores(dataset, variant, task.seed), table, task)
        print(f"{dataset} {variant} seed {task.seed}: scored ({count} of {len(missing)})", file=sys.stderr, flush=True)
    return [task.seed for task in missing]


def scoring_jobs(workspace: Workspace, params: Params, specs: Iterable[RunSpec]) -> list[Job]:
    """Jobs that score those of these runs that are trained and have no scores, into the run cache.

    Runs whose data set has no classifiers yet, or damaged ones, are left out.
    """
    device, store, work = select_device(), RunStore(workspace), []
    for spec in specs:
        if workspace.features(spec.dataset).exists() and (run := store.finished(spec)):
            task = plan_task(workspace, params, spec.dataset, spec.variant, spec.seed, run, device)
            try:
                there = any(is_current(table, task.fingerprint) for table in _tables(workspace, task))
            except UserError:  # as in `_score_into_cache`
                continue
            if not there:
                work.append(Job(_score_into_cache, (spec, task, cached_scores(workspace, task.fingerprint))))
    return work


def _score_into_cache(spec: RunSpec, task: Task, path: Path) -> None:
    try:
        table = score_task(task)
    except UserError:
        return  # the stage says why; raised here it would end the runs in training
    _write(path, table, task)
    send(("scored", spec))


def score_task(task: Task) -> str:
    """`snapshots.score`. Raises UserError too if this process has other sources than the one that planned the task."""
    from ganspeed.networks.generator import body_module
    from ganspeed.scoring.snapshots import score  # metrics take a second to import, and most calls score nothing

    body_module(task.networks.G.body)
    refuse_edited_scoring(task.sources)
    return score(task)


def plan_task(
    workspace: Workspace, params: Params, dataset: str, variant: str, seed: int, run: Path, device: torch.device
) -> Task:
    """The task of scoring a finished run in the folder `run`, as the block `evaluate` says."""
    samples = params.dataset(dataset).evaluate.samples
    folders = workspace.prepared(dataset), workspace.features(dataset)
    return Task(dataset, variant, seed, run, read_record(run), *folders, params.evaluate, samples, str(device))


def _collect(workspace: Workspace, task: Task) -> bool:
    """Bring the scores of a task to their place, from the run cache if need be; False if there are none."""
    table, cached = _tables(workspace, task)
    if not is_current(table, task.fingerprint):
        damaged = score_problems(table) if table.exists() else []
        stash_scores(workspace, task.dataset, task.variant, task.seed)
        if not is_current(cached, task.fingerprint):
            for problem in damaged:
                print(f"{problem}; the run is scored again", file=sys.stderr, flush=True)
            return False
        move(cached, table)
        move(cached.with_suffix(".json"), table.with_suffix(".json"))
    write_label(table, task.label(table))  # facts of the run may change while its snapshots, hence its scores, do not
    return True


def _tables(workspace: Workspace, task: Task) -> tuple[Path, Path]:
    """The paths of a task's scores: in the artifacts and in the run cache."""
    return workspace.scores(task.dataset, task.variant, task.seed), cached_scores(workspace, task.fingerprint)


def _write(table: Path, text: str, task: Task) -> None:
    write_text(table, text)
    write_label(table, task.label(table))
