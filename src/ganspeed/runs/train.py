"""Training many runs side by side: in processes of one CPU thread each, which may share a GPU.

A process trains one run at a time, or several seeds of a variant together where their engine supports it.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch

from ganspeed.environment import switch
from ganspeed.errors import Stopped, UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.dvc_cache import restore_from_dvc
from ganspeed.runs.images import held_out_images, pictured_images, training_images
from ganspeed.runs.observers import ObserverFactory, dispatch
from ganspeed.runs.outdated import find_outdated, print_outdated
from ganspeed.runs.provenance import Provenance, git_state
from ganspeed.runs.record import WEIGHTS_JSON
from ganspeed.runs.spec import RunSpec, plan_runs
from ganspeed.runs.store import RunStore, seal
from ganspeed.source_files import refuse_edited
from ganspeed.system.devices import device_name, select_device, worker_count
from ganspeed.system.files import remove_unfinished, sha256_json, write_json
from ganspeed.system.processes import map_processes, send
from ganspeed.system.shutdown import handle_signals, requested
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.engines.choose import EAGER, lane_count
from ganspeed.training.engines.machine_code import machine_code_errors, with_machine_code
from ganspeed.training.loop import TrainingRun, train
from ganspeed.training.state import Outcome, State
from ganspeed.workspace import Workspace

AMPERE = (8, 0)  # compute capability of the first GPUs with TF32


@dataclass(frozen=True)
class Job:
    """A call for a worker process: a module's top-level function, its arguments, and the runs that it trains."""

    function: Callable[..., None]
    arguments: tuple[Any, ...]
    trains: tuple[RunSpec, ...] = ()


Followups = Callable[[tuple[RunSpec, ...]], list[Job]]  # finished runs → jobs that need them, such as scoring


def train_cell(
    workspace: Workspace, params: Params, dataset: str, variant: str, make_observers: ObserverFactory
) -> list[RunSpec]:
    """Bring the runs of one variant up to date with the params: keep, collect or train; returns the trained ones.

    GANSPEED_FRESH=1 trains every run of the variant afresh.
    """
    device, store = select_device(), RunStore(workspace)
    specs, fresh = plan_runs(workspace, params, device_name(device), dataset, variant), switch("GANSPEED_FRESH")
    with store.lock():
        if fresh:
            for spec in specs:
                store.delete(spec)
        outdated = find_outdated(store, specs)
        store.stash_others(specs, dataset, variant)
        restore_from_dvc(workspace, [spec for spec in specs if store.finished(spec) is None])
        missing = [spec for spec in specs if not store.collect(spec)]
        print_outdated(outdated, missing)
        train_all(missing, workspace, device, make_observers)
        for spec in missing:
            if not store.collect(spec):
                raise RuntimeError(f"{store.cache_folder(spec)}: trained just now, but not complete")
    return missing


def train_all(
    specs: list[RunSpec],
    workspace: Workspace,
    device: torch.device,
    make_observers: ObserverFactory,
    followups: Followups | None = None,
) -> None:
    """Train these runs side by side, into the run cache; the caller holds the store's lock.

    `followups` is called with the runs of each finished group; the same processes run its jobs once no group waits.
    With fewer groups than workers it is not called: the caller runs these jobs on all workers afterwards.
    SIGINT, SIGTERM and SIGHUP raise Stopped, after every run in training has written a checkpoint. Where machine code
    cannot be made or loaded, all of it is made anew, once, in new processes.
    """
    if not specs:
        return
    _refuse_precision_without_hardware(specs, device)
    unique = list({spec.fingerprint: spec for spec in specs}.values())  # two variants may ask for the very same run
    workers, code = worker_count(device), git_state(workspace.root)

    def train_missing(always_start: bool) -> None:
        missing = [spec for spec in unique if RunStore(workspace).finished(spec) is None]
        jobs = [Job(_train_group, (group, workspace, device, code), tuple(group)) for group in groups(missing, workers)]
        run_jobs(jobs, device, make_observers, followups if len(jobs) >= workers else None, always_start)

    with_machine_code(train_missing, workspace.machine_code)


def run_jobs(
    jobs: list[Job],
    device: torch.device,
    make_observers: ObserverFactory,
    followups: Followups | None = None,
    always_start: bool = False,
) -> None:
    """Run these jobs side by side, in their order, and after them the followups of the runs that they train.

    always_start: in new processes, even where one would do.
    """
    if not jobs:
        return
    jobs = list(jobs)
    observers = make_observers([spec for job in jobs for spec in job.trains])
    with dispatch(observers) as on_message, handle_signals():
        for job, _ in map_processes(_run_job, jobs, worker_count(device), on_message, always_start):
            if followups and job.trains:
                jobs += followups(job.trains)


def _run_job(job: Job) -> None:
    if requested():
        raise Stopped
    job.function(*job.arguments)


def _refuse_precision_without_hardware(specs: list[RunSpec], device: torch.device) -> None:
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= AMPERE:
        return
    for spec in specs:
        if spec.train.precision == "tf32":
            raise UserError(
                f"datasets.{spec.dataset}.train.precision: tf32 needs a GPU of compute capability 8.0 or more; "
                f"this is {spec.device}, where float32 and bfloat16 are allowed"
            )


def groups(specs: list[RunSpec], workers: int) -> list[list[RunSpec]]:
    """The runs that one process trains together: seeds of one variant, as many as a step of their engine computes.

    Ordered so that a process that is done is likely to get more seeds of the variant that it has traced.
    """
    by_variant: dict[str, list[RunSpec]] = {}
    for spec in specs:
        by_variant.setdefault(sha256_json([spec.manifest_sha256, spec.parameters]), []).append(spec)
    sized = [(seeds, lane_count(seeds[0].engine)) for seeds in by_variant.values()]
    variants = [[seeds[i : i + size] for i in range(0, len(seeds), size)] for seeds, size in sized]
    concurrent = (variants[i : i + workers] for i in range(0, len(variants), workers))
    return [group for some in concurrent for turn in zip_longest(*some) for group in turn if group]


class RunInProgress:
    """A run in training: its folder in the run cache, checkpoints and provenance, and the events that it sends."""

    def __init__(self, spec: RunSpec, workspace: Workspace, code: tuple[str, bool | None]):
        cached = RunStore(workspace).cache_folder(spec)
        self.spec, self.folder = spec, cached / "run"
        self.checkpoints = Checkpoints(cached / "checkpoints", spec.identity)
        if not self.checkpoints:
            shutil.rmtree(cached, ignore_errors=True)  # left by a run that was killed before its first checkpoint
        remove_unfinished(self.folder)
        self.provenance = Provenance(cached / "provenance.json", code, resumed=bool(self.checkpoints))
        send(("started", spec))

    def on_row(self, row: dict[str, float]) -> None:
        """Called with every row of the history as it is logged."""
        if row["update"]:  # that of update 0 took no time of training
            self.provenance.tick(row["update"])
            if row["update"] % self.spec.train.checkpoint_every == 0:
                self.provenance.save()
        send(("logged", self.spec, row))

    def finish(self, outcome: Outcome, state: State) -> None:
        """Write the numbers of weights and run.json, and remove the checkpoints."""
        self.provenance.save()
        players = {"G": state.G.network, "D": state.D.network}
        weights = {name: sum(weight.numel() for weight in network.parameters()) for name, network in players.items()}
        write_json(self.folder / WEIGHTS_JSON, weights)
        seal(self.spec, self.folder, outcome)
        shutil.rmtree(self.checkpoints.folder, ignore_errors=True)
        send(("finished", self.spec))


def _train_group(
    specs: list[RunSpec], workspace: Workspace, device: torch.device, code: tuple[str, bool | None]
) -> None:
    images, labels = training_images(specs[0], workspace, device)
    held_out, pictured = (of(specs[0], workspace, device) for of in (held_out_images, pictured_images))
    started = [RunInProgress(spec, workspace, code) for spec in specs]
    try:
        runs = [
            TrainingRun(r.spec.recipe, images, labels, r.folder, r.checkpoints, r.on_row, held_out, pictured)
            for r in started
        ]
        if specs[0].engine == EAGER:
            refuse_edited(specs[0].identity["sources"])
            started[0].finish(train(runs[0], requested), runs[0].state)
        else:
            from ganspeed.training.engines import vmapped  # takes a second, and only traced engines need it

            refuse_edited(specs[0].identity["sources"])
            engine = specs[0].engine
            with machine_code_errors(engine):

                def finish(i: int, outcome: Outcome) -> None:
                    started[i].finish(outcome, runs[i].state)

                vmapped.train_side_by_side(runs, engine, requested, finish)
    finally:
        for run in started:
            run.provenance.save()
