"""Observers of runs that are trained and scored: progress bars, the MLflow mirror.

A worker sends its events as messages; here each becomes a call of every observer's method of that name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def on_message(message: Message) -> None:
        event, *arguments = message
        for observer in observers:
            getattr(observer, event)(*arguments)

    try:
        yield on_message
    finally:
        for observer in observers:
            observer.close()
