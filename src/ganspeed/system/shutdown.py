"""Graceful shutdown: requested by a first signal, or by the end of the process that started this one.

The training loop checks `requested` after every update and then saves a checkpoint. A process that has not ended GRACE
seconds later is killed, whatever it is doing; a second signal kills it at once.
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

STOPPED_STATUS = 75  # the exit status of what was stopped: "try again later" in sysexits.h
MESSAGE = "stopped; training so far is saved: the same command continues from there"
GRACE = 3.0  # seconds
POLL = 0.1  # seconds between two checks that the parent is alive
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last one of a terminal that is closed
STDERR = 2  # its file descriptor
DVC_STAGE = "DVC_STAGE"  # set by dvc in the environment of its stages, not in its own

_requested = False
_shared = None  # in a worker: the event by which its parent passes the request on


def requested() -> bool:
    """Whether this process was asked to stop."""
    return _requested or (_shared is not None and _shared.is_set())


@contextmanager
def handle_signals() -> Iterator[None]:
    """Within this context, SIGINT, SIGTERM and SIGHUP request a shutdown; under nohup, SIGHUP stays ignored.

    After a request they stay handled: a closed terminal may send its second SIGHUP while the process ends.
    """
    if threading.current_thread() is not threading.main_thread():  # others may not set handlers
        yield
        return
    before = {number: signal.signal(number, _on_signal) for number in _handled()}
    try:
        yield
    finally:
        if not _requested:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Within this context no signal of SIGNALS arrives; nor at a process that is started in it, before it is set up.

    Without this, Ctrl-C on a terminal would end such a process with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_with_dvc() -> None:
    """Request a shutdown when the `dvc` that runs this stage ends, if there is one."""
    if DVC_STAGE not in os.environ:
        return
    child = psutil.Process()
    for ancestor in child.parents():
        if not _in_a_stage(ancestor):
            break
        child = ancestor  # a shell between the two, which outlives a killed dvc
    _watch_parent(child, child.ppid())


def _in_a_stage(process: psutil.Process) -> bool:
    try:
        return DVC_STAGE in process.environ()
    except psutil.Error:  # of another user
        return False


def install_in_worker(shared, parent: int) -> None:
    """Set up a worker: it stops when `shared`, an event of multiprocessing, is set, on a signal, or with its parent."""
    global _shared
    _shared = shared
    for number in _handled():
        signal.signal(number, _on_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _watch_parent(psutil.Process(), parent)
    # Once its messages are sent, a worker ends as by `exit_now`.
    multiprocessing.util.Finalize(None, os._exit, (0,), exitpriority=-100)


def end_at_once_on_interrupt() -> None:
    """Let a SIGINT end this process at once, in one line, wherever `handle_signals` does not handle it.

    Python's KeyboardInterrupt would not do: raised during an import of torch it may become any other error.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: _kill())


def say_stopped() -> None:
    """Print MESSAGE to stderr; a worker leaves that to the process that started it. Takes no lock."""
    if multiprocessing.parent_process() is None:
        with suppress(OSError):  # of a terminal that was closed
            os.write(STDERR, f"{MESSAGE}\n".encode())


def exit_now(status: int) -> NoReturn:
    """End this process at once: a regular exit takes up to a second to tear torch and MLflow down."""
    _remove_semaphores()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # None or closed, or nobody reads it any more
            stream.flush()
    os._exit(status)


def _remove_semaphores() -> None:
    """Run the finalizers of this process's semaphores, which their tracker would report as leaked."""
    with suppress(Exception):  # it is no reason not to end
        multiprocessing.util._run_finalizers(0)


def _handled() -> list[signal.Signals]:
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [number for number in SIGNALS if number != signal.SIGHUP or not ignored]


def _on_signal(number: int, frame) -> None:
    if not _requested:
        _request()
    elif number != signal.SIGHUP:  # which a closed terminal sends twice: its shell and the system
        _kill()


def _request() -> None:
    """Request a shutdown, with a deadline. Takes no lock: a signal may arrive while one is held."""
    global _requested
    _requested = True
    threading.Thread(target=_kill_after_grace, daemon=True).start()


def _kill_after_grace() -> None:
    time.sleep(GRACE)
    _kill()


def _kill() -> None:
    say_stopped()
    for child in multiprocessing.active_children():
        child.kill()
    _remove_semaphores()
    os._exit(STOPPED_STATUS)


def _watch_parent(child: psutil.Process, parent: int) -> None:
    """Request a shutdown once `child`, this process or an ancestor, loses its parent: no training outlives its dvc."""

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            while child.ppid() == parent:
                time.sleep(POLL)
        _request()

    threading.Thread(target=watch, daemon=True).start()
