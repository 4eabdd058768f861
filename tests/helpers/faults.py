"""Stages of a toy study in a real process of their own, and faults that strike it at a chosen function call."""

import contextlib
import itertools
import multiprocessing
import os
import resource
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from digests import digests

from ganspeed.system import exit_status, shutdown
from ganspeed.tracking import mirror, terminal
from ganspeed.workspace import Workspace

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = ["torch._dynamo", "mlflow_imported", "ganspeed.report.write"]
PRELOADED += [f"ganspeed.scoring.{name}" for name in ("calibration", "snapshots", "train_classifier")]
CONTEXT.set_forkserver_preload(PRELOADED)
ENVIRONMENT = {"GANSPEED_DEVICE": "cpu", "GANSPEED_WORKERS": "1"}
ARGUMENTS = {"train": ("digits", "iterative"), "evaluate": ("digits", "iterative"), "check": (), "report": ()}
UP_TO_TRAIN = ("prepare", "features")
SCORED = ("train", "evaluate")
DISK = ("posix.fsync", "posix.replace", "posix.rmdir", "posix.unlink")  # calls between which files are half done
DAYS = 86_400.0


def copy(study: Workspace, root: Path) -> Workspace:
    shutil.copytree(study.root, root, dirs_exist_ok=True)
    return Workspace(root)


def results(workspace: Workspace) -> dict[str, str]:
    """Every result by its bytes, those with a clock or a host in them by their name."""
    found = digests(workspace.root)
    clocks = ("artifacts/provenance", "reports")
    return {
        name: "there" if name.startswith(clocks) else digest
        for name, digest in found.items()
        if not name.startswith(".runs")
    }


@dataclass
class Trigger:
    """Counts the calls made inside the functions `within`, by qualified name, and calls `fault` at call `number`.

    only: functions whose calls count, by module and name, all when it is empty. path: count only inside calls whose
    argument `path` matches this pattern. Without a number it only counts.
    """

    within: tuple[str, ...]
    number: int | None = None
    fault: Callable[[], None] | None = None
    only: tuple[str, ...] = ()
    path: str = "*"
    calls: int = 0
    depth: int = 0
    entered: set[str] = field(default_factory=set)  # which of `within` were called

    def __call__(self, frame, event: str, argument) -> None:
        entered = frame.f_code.co_qualname in self.within and self._matches(frame)
        if event == "call" and entered:
            self.depth += 1
            self.entered.add(frame.f_code.co_qualname)
        if event in ("call", "c_call") and self.depth and (not self.only or _name(frame, event, argument) in self.only):
            if self.calls == self.number:
                sys.setprofile(None)
                self.fault()
            self.calls += 1
        if event == "return":
            self.depth -= entered

    def _matches(self, frame) -> bool:
        return self.path == "*" or frame.f_locals["path"].match(self.path)


def _name(frame, event: str, argument) -> str:
    """Of the function that is called, with its module."""
    if event == "c_call":
        return f"{argument.__module__}.{argument.__name__}"
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, negative for a signal, what it said, and what its trigger counted.

    never_called: functions that the trigger names and that were not called, so that it could not strike there; only of
    a process that came to its end.
    """

    status: int
    said: str
    calls: int
    never_called: list[str]


def forked(target: Callable, *arguments) -> multiprocessing.Process:
    """A process for this call, not started yet: it starts in no time, as a fork of one that has imported PRELOADED."""
    with pytest.MonkeyPatch.context() as environment:  # the server of Python 3.11 does not get the path of this process
        environment.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.ensure_running()
    return CONTEXT.Process(target=_call, args=(target, *arguments))


def _call(target: Callable, *arguments) -> None:
    assert sys.modules.keys() >= {*PRELOADED}, "the server could not import what each child of it has to import now"
    target(*arguments)


def run(workspace: Workspace, *stages: str, trigger: Trigger | None = None, mlflow: str | None = None) -> Ended:
    """Run these stages one after the other in one process, as DVC runs each in its own.

    stages: a name, or a name with its arguments where they are not those in ARGUMENTS.
    mlflow: the address of the MLflow that they mirror to, none of them without it.
    """
    said = Path(tempfile.mkdtemp()) / "said"
    counted, never_called = CONTEXT.Value("q", 0), said.with_name("never called")
    process = forked(_work, workspace.root, stages, trigger, mlflow, said, counted)
    process.start()
    process.join()
    names = never_called.read_text().split() if never_called.exists() else []
    return Ended(process.exitcode, said.read_text(), counted.value, names)


def _work(
    root: Path, stages: tuple[str, ...], trigger: Trigger | None, mlflow: str | None, said: Path, counted
) -> None:
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(ENVIRONMENT)
    os.chdir(root)
    if mlflow:
        os.environ["MLFLOW_TRACKING_URI"] = mlflow
    else:
        mirror.mirror_safely = terminal.LiveMirror = Mock()
    shutdown.exit_now = exit_status.exit_now = sys.exit  # or the first stage would take the process with it
    try:
        for stage in stages:
            script, *arguments = stage.split()
            sys.argv = [script, *(arguments or ARGUMENTS.get(script, ("digits",)))]
            sys.setprofile(trigger)
            _script(script)
    finally:
        sys.setprofile(None)
        if trigger:
            counted.value = trigger.calls
            said.with_name("never called").write_text("\n".join(sorted({*trigger.within} - trigger.entered)))


def _script(stage: str) -> None:
    """Run pipeline/<stage>.py; what ends with another status than 0 ends this process."""
    try:
        runpy.run_module(stage, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def jump() -> None:
    """From now on every look at the wall clock finds it days away from where it was, to and fro."""
    jumps, real = itertools.cycle((10 * DAYS, -10 * DAYS)), time.time
    time.time = lambda: real() + next(jumps)


def fill() -> None:
    """Leave no room on the disk of the working folder; in a folder of an ordinary disk, let no file grow."""
    if not os.path.ismount(Path.cwd().parent):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        return
    with Path("..", "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def allocate_too_much() -> None:
    """An allocation that torch's allocator is refused.

    Under a limit of the address space oneDNN is refused memory for its code as well, and then sometimes crashes.
    """
    torch.empty(2**60, dtype=torch.uint8)
