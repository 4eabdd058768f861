"""Many runs side by side: in processes of one CPU thread each, or on the GPU if there is one.

A process trains one run at a time, or a group of one variant's where the engine computes several at once. What follows
from runs, their scores, may be made by the same processes as soon as they are free.

GANSPEED_DEVICE (cpu, cuda, cuda:1, ...) and GANSPEED_WORKERS say where; they have good defaults and change no verdict.
Workers change no byte. The device is part of a run's fingerprint.
"""

import multiprocessing
import os
import queue
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ganspeed import data, engines, runs, stopping
from ganspeed.checkpoints import Checkpoints
from ganspeed.errors import Stopped, UserError
from ganspeed.files import remove_unfinished, sha256_json
from ganspeed.params import Params
from ganspeed.runs import Provenance, RunSpec, RunStore
from ganspeed.training import Outcome, Run, train
from ganspeed.workspace import Workspace

AMPERE = (8, 0)  # compute capability of the first GPUs with TF32
GPU_WORKERS = 4  # processes that share one GPU: small networks leave it idle between kernels

_send: Callable[[Any], None] = lambda message: None  # noqa: E731 replaced in a worker by its queue


class Observer(Protocol):
    """Whoever watches runs being trained and scored: progress bars, the MLflow mirror."""

    def started(self, spec: RunSpec) -> None: ...
    def logged(self, spec: RunSpec, row: dict[str, float]) -> None: ...
    def finished(self, spec: RunSpec) -> None: ...
    def scored(self, spec: RunSpec) -> None: ...
    def close(self) -> None: ...


def device() -> torch.device:
    """GANSPEED_DEVICE, else the GPU if there is one, else the CPU. Raises UserError for a device that is not there."""
    name = os.environ.get("GANSPEED_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"GANSPEED_DEVICE: {name!r} is not usable here: {str(error).splitlines()[0]}") from None


def device_name(where: torch.device) -> str:
    """The GPU's model, or the CPU with its instruction-set level: what a run's bytes depend on."""
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def workers(where: torch.device) -> int:
    """GANSPEED_WORKERS, else as many as there are cores, or GPU_WORKERS on a GPU. Raises UserError."""
    given = os.environ.get("GANSPEED_WORKERS")
    if given is None:
        return GPU_WORKERS if where.type == "cuda" else len(os.sched_getaffinity(0))
    if not given.isdecimal() or int(given) < 1:
        raise UserError(f"GANSPEED_WORKERS: {given!r} is not a whole number >= 1")
    return int(given)


def map_processes(
    function: Callable[[Any], Any], items: list, count: int, on_message: Callable[[Any], None] = lambda message: None
) -> Iterator[tuple[Any, Any]]:
    """Yield (item, function(item)) as they finish, `count` processes of one thread each, none for a single item.

    Items that are appended to the list between two yields are done as well, after those before them, by the processes
    that there are. `function` is a module's top-level function. What it passes to `send` reaches `on_message` here.
    A process that dies raises UserError, a wish to stop Stopped; what was finished before it stays finished.
    """
    if min(count, len(items)) <= 1:
        yield from _map_here(function, items, on_message)
        return
    context = multiprocessing.get_context("spawn")
    messages, stop = context.Queue(), context.Event()
    arguments = (messages, stop, os.getpid())
    with ProcessPoolExecutor(min(count, len(items)), context, _start_worker, arguments) as pool:
        pending, taken = {}, 0
        try:
            while pending or taken < len(items):
                pending |= {pool.submit(function, item): item for item in items[taken:]}
                taken = len(items)
                done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                _drain(messages, on_message)
                for future in done:
                    yield pending.pop(future), future.result()
                if stopping.wished():
                    raise Stopped
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed, perhaps for want of memory; what was finished is kept: run again to go "
                "on, with a smaller GANSPEED_WORKERS if memory is short"
            ) from None
        finally:
            if pending:
                stop.set()
            pool.shutdown(cancel_futures=True)
            _drain(messages, on_message)


def _map_here(function: Callable, items: list, on_message: Callable) -> Iterator[tuple[Any, Any]]:
    global _send
    threads, before = torch.get_num_threads(), _send
    torch.set_num_threads(1)
    _send = on_message
    try:
        for item in items:
            yield item, function(item)
    finally:
        torch.set_num_threads(threads)
        _send = before


def send(message: Any) -> None:
    """Tell the process that started this work; called by a function that map_processes runs."""
    _send(message)


def _drain(messages: multiprocessing.Queue, on_message: Callable[[Any], None]) -> None:
    while True:
        try:
            on_message(messages.get_nowait())
        except queue.Empty:
            return


def _start_worker(messages: multiprocessing.Queue, stop, parent: int) -> None:
    global _send
    torch.set_num_threads(1)
    _send = messages.put
    stopping.obey(stop, parent)


Watch = Callable[[list[RunSpec]], list[Observer]]  # makes the observers of the runs to be trained
Work = tuple[Callable[[Any], None], Any]  # a module's top-level function, and what it is called with


def train_all(
    specs: list[RunSpec],
    workspace: Workspace,
    where: torch.device,
    watch: Watch,
    then: Callable[[list[RunSpec]], list[Work]] = lambda specs: [],
) -> None:
    """Train these runs side by side into the pool; the caller holds the store's lock.

    What `then` makes of finished runs is done by the same processes when no run waits any more, unless there were fewer
    groups of runs than processes: the caller does what is left. SIGINT and SIGTERM raise Stopped, after every run that
    is being trained has written a checkpoint.
    """
    _refuse_precision_without_hardware(specs, where)
    alone = list({spec.fingerprint: spec for spec in specs}.values())  # two variants may ask for the very same run
    grouped = groups(alone, workers(where))
    enough = len(grouped) >= workers(where)
    work = [(_train_group, (group, workspace, where)) for group in grouped]

    def follow(done: Work) -> list[Work]:
        function, item = done
        return then(item[0]) if enough and function is _train_group else []

    do_all(work, where, lambda: watch(alone), follow)


def do_all(
    work: list[Work],
    where: torch.device,
    watch: Callable[[], list[Observer]],
    follow: Callable[[Work], list[Work]] = lambda done: [],
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
        with stopping.listening():
            for done, _ in map_processes(_do, work, workers(where), tell):
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
    sized = [(same, engines.at_once(same[0].engine)) for same in alike.values()]
    variants = [[same[i : i + size] for i in range(0, len(same), size)] for same, size in sized]
    together = (variants[i : i + workers] for i in range(0, len(variants), workers))
    return [group for some in together for turn in zip_longest(*some) for group in turn if group]


class Pooled:
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
        runs.seal(self.spec, self.folder, outcome)
        shutil.rmtree(self.checkpoints.folder, ignore_errors=True)
        send(("finished", self.spec, None))


def _do(work: Work) -> None:
    if stopping.wished():
        raise Stopped
    function, item = work
    function(item)


def _train_group(item: tuple[list[RunSpec], Workspace, torch.device]) -> None:
    specs, workspace, where = item
    images, labels = resident(workspace.prepared(specs[0].dataset), where)
    pooled = [Pooled(spec, workspace) for spec in specs]
    try:
        made = [Run(one.spec.recipe, images, labels, one.folder, one.checkpoints, one.on_row) for one in pooled]
        if specs[0].engine == engines.EAGER:
            pooled[0].finish(train(made[0], stopping.wished))
        else:
            from ganspeed.engines import lanes  # takes a second, and only who traces needs it

            lanes.train_side_by_side(made, specs[0].engine, stopping.wished, lambda k, end: pooled[k].finish(end))
    finally:
        for one in pooled:
            one.provenance.save()


@lru_cache(maxsize=1)
def resident(folder: Path, where: torch.device) -> tuple[Tensor, Tensor]:
    """The training images (N, C, H, W) and labels (N,) of a prepared data set, verified, on the device."""
    images, labels = data.load(folder, "train")
    return torch.from_numpy(images.copy()).to(where), torch.from_numpy(labels.copy()).to(where)


def train_cell(workspace: Workspace, params: Params, dataset: str, variant: str, watch: Watch) -> list[RunSpec]:
    """Bring one cell of the grid in step with the params: keep, fetch from the pool, or train. Returns the trained.

    GANSPEED_FRESH=1 trains every run of the cell afresh.
    """
    where, store = device(), RunStore(workspace)
    specs = runs.plan(workspace, params, device_name(where), dataset, variant)
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


def grid(workspace: Workspace, params: Params, where: torch.device) -> list[RunSpec]:
    """Every run that the params ask for."""
    cells = [(d, v) for d in params.compare.datasets for v in params.compare.variants]
    return [spec for cell in cells for spec in runs.plan(workspace, params, device_name(where), *cell)]
