"""Calls of a function in parallel processes of one CPU thread each."""

import multiprocessing
import os
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

import torch

from ganspeed import source_files
from ganspeed.errors import Stopped, UserError
from ganspeed.system.output import drop_what_cannot_be_written
from ganspeed.system.shutdown import handle_signals, install_in_worker, requested, signals_held_back

KILLED = (
    "a worker process was killed, perhaps by a lack of memory; finished work is saved: run again to continue, with a "
    "smaller GANSPEED_WORKERS if memory is short"
)
_send: Callable[[Any], None] = lambda message: None  # noqa: E731 a worker replaces it by its queue


def map_processes(
    function: Callable[[Any], Any],
    items: list,
    count: int,
    on_message: Callable[[Any], None] = lambda message: None,
    always_start: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """Yield (item, function(item)) as they finish, in `count` processes of one thread each.

    One item is computed in this process, unless `always_start` asks for another. Items that the caller appends to the
    list between two yields are processed as well, after those before them. `function` is a module's top-level function;
    what it passes to `send` reaches `on_message` here. Raises UserError when a process dies or would run other sources
    than this one, and Stopped when a shutdown was requested; finished items stay finished.
    """
    if min(count, len(items)) <= 1 and not always_start:
        yield from _map_in_process(function, items, on_message)
        return
    pool, messages, stop = _new_pool(min(count, len(items)))
    work = partial(_call, function, source_files.HASHES)
    with handle_signals(), pool:
        pending, submitted = {}, 0
        try:
            while pending or submitted < len(items):
                with signals_held_back():
                    pending |= {pool.submit(work, item): item for item in items[submitted:]}
                submitted = len(items)
                done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                _drain(messages, on_message)
                for future in done:
                    yield pending.pop(future), future.result()
                if requested():
                    raise Stopped
        except BrokenProcessPool:
            raise (Stopped if requested() else UserError(KILLED)) from None
        finally:
            if pending:
                stop.set()
            pool.shutdown(cancel_futures=True)
            _drain(messages, on_message)


def _map_in_process(function: Callable, items: list, on_message: Callable) -> Iterator[tuple[Any, Any]]:
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
    """Send a message to the process that called `map_processes`; for use by the mapped function."""
    _send(message)


def _new_pool(count: int) -> tuple[ProcessPoolExecutor, multiprocessing.Queue, Event]:
    """A pool of `count` processes, the queue of what they send, and the event that asks them to stop."""
    context = multiprocessing.get_context("spawn")
    messages, stop = context.Queue(), context.Event()
    return ProcessPoolExecutor(count, context, _start_worker, (messages, stop, os.getpid())), messages, stop


def _drain(messages: multiprocessing.Queue, on_message: Callable[[Any], None]) -> None:
    while True:
        try:
            on_message(messages.get_nowait())
        except queue.Empty:
            return


def _call(function: Callable[[Any], Any], sources: dict[str, str | None], item: Any) -> Any:
    """function(item) in a worker, which has imported its modules just now, perhaps from files edited since the start.

    sources: the hashes with which the process that started the worker plans and labels results.
    """
    source_files.refuse_edited({name: sources.get(name) for name in source_files.imported()})
    return function(item)


def _start_worker(messages: multiprocessing.Queue, stop: Event, parent: int) -> None:
    global _send
    drop_what_cannot_be_written("stdout", "stderr")
    torch.set_num_threads(1)
    _send = messages.put
    install_in_worker(stop, parent)
