"""Observers of runs that are trained and scored: progress bars, the MLflow mirror.

A worker sends its events as messages; here each becomes a call of every observer's method of that name. An observer
may never break what it observes: one that raises an error is closed and not called again.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from ganspeed.runs.spec import RunSpec


class Observer(Protocol):
    """Called in the process that started the training, with the events of every run."""

    def started(self, spec: RunSpec) -> None: ...
    def logged(self, spec: RunSpec, row: dict[str, float]) -> None: ...
    def finished(self, spec: RunSpec) -> None: ...
    def scored(self, spec: RunSpec) -> None: ...
    def close(self) -> None: ...


ObserverFactory = Callable[[list[RunSpec]], list[Observer]]  # makes the observers of the runs that will be trained
Message = tuple[Any, ...]  # the name of an observer's method, and its arguments


@contextmanager
def dispatch(observers: list[Observer]) -> Iterator[Callable[[Message], None]]:
    """Yield the function that passes messages on to the observers; close them at the end."""
    working = list(observers)

    def on_message(message: Message) -> None:
        event, *arguments = message
        for observer in list(working):
            try:
                getattr(observer, event)(*arguments)
            except Exception as error:  # noqa: BLE001 it observes a training of hours
                working.remove(observer)
                if event != "close":
                    with suppress(Exception):
                        observer.close()
                with suppress(OSError, ValueError):  # stderr may be what is broken
                    name = type(observer).__name__
                    print(f"warning: {name} stopped: {error!r}; the runs go on", file=sys.stderr, flush=True)

    try:
        yield on_message
    finally:
        on_message(("close",))
