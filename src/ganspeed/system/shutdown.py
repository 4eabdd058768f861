"""Ending in good order: a first signal, or the end of the process that started this one, asks for it.

Whoever trains looks at `wished` after every update and saves what there is. A process that has not ended GRACE seconds
later is killed, whatever it is at by then; a second signal does not wait.
"""

import multiprocessing.util
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import psutil

STATUS = 75  # the exit status of what was stopped: "try again later" in sysexits.h
MESSAGE = "stopped; what was trained is saved: the same command goes on from there"
GRACE = 3.0  # seconds
POLL = 0.1  # seconds between two looks at whether the parent is still there
SIGNALS = (signal.SIGINT, signal.SIGTERM)
DVC_STAGE = "DVC_STAGE"  # in the environment of what dvc runs, not in its own

_requested = False
_shared = None  # in a worker: the event by which the process that started it passes the wish on


def requested() -> bool:
    return _requested or (_shared is not None and _shared.is_set())


@contextmanager
def handle_signals() -> Iterator[None]:
    """While inside, SIGINT and SIGTERM ask to stop."""
    if threading.current_thread() is not threading.main_thread():  # only that one may handle signals
        yield
        return
    before = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with_dvc() -> None:
    """From now on the end of the `dvc` that runs this stage, if one does, asks it to stop."""
    if DVC_STAGE not in os.environ:
        return
    child = psutil.Process()
    for ancestor in child.parents():
        if not _in_a_stage(ancestor):
            break
        child = ancestor  # a shell that stands between the two, and outlives a killed dvc
    _watch_parent(child, child.ppid())


def _in_a_stage(process: psutil.Process) -> bool:
    try:
        return DVC_STAGE in process.environ()
    except psutil.Error:  # another user's
        return False


def install_in_worker(shared, parent: int) -> None:
    """In a worker: stop when `shared`, an event of multiprocessing, is set, on a signal, and with the parent."""
    global _shared
    _shared = shared
    for number in SIGNALS:
        signal.signal(number, _on_signal)
    _watch_parent(psutil.Process(), parent)
    # Once all that it has to tell is told, a worker ends as `leave` does.
    multiprocessing.util.Finalize(None, os._exit, (0,), exitpriority=-100)


def exit_now(status: int) -> NoReturn:
    """End this process at once: taking torch and MLflow apart costs up to a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _on_signal(number: int, frame) -> None:
    if _requested:
        _kill()
    _request()


def _request() -> None:
    """Ask, and see to it that it is done in time. No lock is taken: a signal may come while one is held."""
    global _requested
    _requested = True
    threading.Thread(target=_kill_after_grace, daemon=True).start()


def _kill_after_grace() -> None:
    time.sleep(GRACE)
    _kill()


def _kill() -> None:
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(STATUS)


def _watch_parent(child: psutil.Process, parent: int) -> None:
    """Stop as soon as `child`, this process or a forebear, has lost its parent: a killed dvc leaves no training."""

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            while child.ppid() == parent:
                time.sleep(POLL)
        _request()

    threading.Thread(target=watch, daemon=True).start()
