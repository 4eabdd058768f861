"""Many runs side by side: in processes of one CPU thread each, or on the GPU if there is one.

A process trains one run at a time, or a group of one variant's where the engine computes several at once. What follows
from runs, their scores, may be made by the same processes as soon as they are free.

GANSPEED_DEVICE (cpu, cuda, cuda:1, ...) and GANSPEED_WORKERS say where; they have good defaults and change no verdict.
Workers change no byte. The device is part of a run's fingerprint.
"""

import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ganspeed.data.prepared import load_split
from ganspeed.errors import Stopped, UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.provenance import Provenance
from ganspeed.runs.spec import RunSpec, plan_runs
from ganspeed.runs.store import RunStore, seal
from ganspeed.system.devices import device_name, select_device, worker_count
from ganspeed.system.files import remove_unfinished, sha256_json
from ganspeed.system.processes import map_processes, send
from ganspeed.system.shutdown import handle_signals, requested
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.engines.choose import EAGER, lane_count
from ganspeed.training.loop import TrainingRun, train
from ganspeed.training.state import Outcome
from ganspeed.workspace import Workspace

AMPERE = (8, 0)  # compute capability of the first GPUs with TF32


class Observer(Protocol):
    """Whoever watches runs being trained and scored: progress bars, the MLflow mirror."""

    def started(self, spec: RunSpec) -> None: ...
    def logged(self, spec: RunSpec, row: dict[str, float]) -> None: ...
    def finished(self, spec: RunSpec) -> None: ...
    def scored(self, spec: RunSpec) -> None: ...
    def close(self) -> None: ...


ObserverFactory = Callable[[list[RunSpec]], list[Observer]]  # makes the observers of the runs to be trained
Job = tuple[Callable[[Any], None], Any]  # a module's top-level function, and what it is called with


def train_all(
    specs: list[RunSpec],
    workspace: Workspace,
    where: torch.device,
    watch: ObserverFactory,
    then: Callable[[list[RunSpec]], list[Job]] = lambda specs: [],
) -> None:
    """Train these runs side by side into the pool; the caller holds the store's lock.

    What `then` makes of finished runs is done by the same processes when no run waits any more, unless there were fewer
    groups of runs than processes: the caller does what is left. SIGINT and SIGTERM raise Stopped, after every run that
    is being trained has written a checkpoint.
    """
    _refuse_precision_without_hardware(specs, where)
    alone = list({spec.fingerprint: spec for spec in specs}.values())  # two variants may ask for the very same run
    grouped = groups(alone, worker_count(where))
    enough = len(grouped) >= worker_count(where)
    work = [(_train_group, (group, workspace, where)) for group in grouped]

    def follow(done: Job) -> list[Job]:
        function, item = done
        return then(item[0]) if enough and function is _train_group else []

    run_jobs(work, where, lambda: watch(alone), follow)


def run_jobs(
    work: list[Job],
    where: torch.device,
    watch: Callable[[], list[Observer]],
    follow: Callable[[Job], list[Job]] = lambda done: [],
) -> None:
    """Do this work side by side, in its order, and after it what follows from each part of it that is done."""
    if not work:
        return
    observers = watch()

    def tell(message: tuple[str, RunSpec, Any]) -> None:
        kind, spec, row = message
        for observer in observers:
            if kind == "row":
                observer.logged(spec, row)
            else:
                getattr(observer, kind)(spec)

    try:
        with handle_signals():
            for done, _ in map_processes(_run_job, work, worker_count(where), tell):
                work += follow(done)
    finally:
        for observer in observers:
            observer.close()


def _refuse_precision_without_hardware(specs: list[RunSpec], where: torch.device) -> None:
    if where.type == "cuda" and torch.cuda.get_device_capability(where) >= AMPERE:
        return
    for spec in specs:
        if spec.parameters["train"]["precision"] == "tf32":
            raise UserError(
                f"datasets.{spec.dataset}.train.precision: tf32 needs a GPU of compute capability 8.0 or more; "
                f"this is {spec.device}, where float32 and bfloat16 are allowed"
            )


def groups(specs: list[RunSpec], workers: int) -> list[list[RunSpec]]:
    """The runs that one process trains together: seeds of one variant, as many as their engine computes at once.

    In such an order that a process that is done is likely to get more seeds of the variant that it has traced.
    """
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(sha256_json([spec.manifest_sha256, spec.parameters]), []).append(spec)
    sized = [(same, lane_count(same[0].engine)) for same in alike.values()]
    variants = [[same[i : i + size] for i in range(0, len(same), size)] for same, size in sized]
    together = (variants[i : i + workers] for i in range(0, len(variants), workers))
    return [group for some in together for turn in zip_longest(*some) for group in turn if group]


class RunInProgress:
    """A run in training: its folder in the pool, and what is told and kept of it on the way."""

    def __init__(self, spec: RunSpec, workspace: Workspace):
        pooled = RunStore(workspace).pooled(spec)
        self.spec, self.folder = spec, pooled / "run"
        self.checkpoints = Checkpoints(pooled / "checkpoints", spec.identity)
        if not self.checkpoints:
            shutil.rmtree(pooled, ignore_errors=True)  # what a run that never reached a checkpoint left behind
        remove_unfinished(self.folder)
        self.provenance = Provenance(pooled / "provenance.json", workspace.root)
        send(("started", spec, None))

    def on_row(self, row: dict[str, float]) -> None:
        self.provenance.tick(row["update"])
        if row["update"] % self.spec.parameters["train"]["checkpoint_every"] == 0:
            self.provenance.save()
        send(("row", self.spec, row))

    def finish(self, outcome: Outcome) -> None:
        self.provenance.save()
        seal(self.spec, self.folder, outcome)
        shutil.rmtree(self.checkpoints.folder, ignore_errors=True)
        send(("finished", self.spec, None))


def _run_job(work: Job) -> None:
    if requested():
        raise Stopped
    function, item = work
    function(item)


def _train_group(item: tuple[list[RunSpec], Workspace, torch.device]) -> None:
    specs, workspace, where = item
    images, labels = training_images(workspace.prepared(specs[0].dataset), where)
    pooled = [RunInProgress(spec, workspace) for spec in specs]
    try:
        made = [TrainingRun(one.spec.recipe, images, labels, one.folder, one.checkpoints, one.on_row) for one in pooled]
        if specs[0].engine == EAGER:
            pooled[0].finish(train(made[0], requested))
        else:
            from ganspeed.training.engines import vmapped  # takes a second, and only who traces needs it

            vmapped.train_side_by_side(made, specs[0].engine, requested, lambda k, end: pooled[k].finish(end))
    finally:
        for one in pooled:
            one.provenance.save()


@lru_cache(maxsize=1)
def training_images(folder: Path, where: torch.device) -> tuple[Tensor, Tensor]:
    """The training images (N, C, H, W) and labels (N,) of a prepared data set, verified, on the device."""
    images, labels = load_split(folder, "train")
    return torch.from_numpy(images.copy()).to(where), torch.from_numpy(labels.copy()).to(where)


def train_cell(
    workspace: Workspace, params: Params, dataset: str, variant: str, watch: ObserverFactory
) -> list[RunSpec]:
    """Bring one cell of the grid in step with the params: keep, fetch from the pool, or train. Returns the trained.

    GANSPEED_FRESH=1 trains every run of the cell afresh.
    """
    where, store = select_device(), RunStore(workspace)
    specs = plan_runs(workspace, params, device_name(where), dataset, variant)
    with store.lock():
        if os.environ.get("GANSPEED_FRESH") == "1":
            for spec in specs:
                store.forget(spec)
        store.put_aside_all_but(specs, dataset, variant)
        missing = [spec for spec in specs if not store.collect(spec)]
        train_all(missing, workspace, where, watch)
        for spec in missing:
            if not store.collect(spec):
                raise RuntimeError(f"{store.pooled(spec)}: the run that was just trained is not whole")
    return missing
