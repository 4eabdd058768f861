"""MLflow may be down, slow, locked or damaged: nobody waits for it for long, and that is said once in a process."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from ganspeed.tracking.client import warn

STAGE_SECONDS = 2.0  # what a stage waits for a sign of life
HAND_SECONDS = 30.0  # what a command waits that somebody gave to fill the mirror

Result = TypeVar("Result")
_given_up: set[str] = set()


def with_timeout(work: Callable[[Callable[[], None]], Result], seconds: float) -> Result:
    """Do `work` in a thread and return its result; it calls its argument whenever it got on.

    Raises what it raises, and TimeoutError when it did not get on for so many seconds. The thread is then left to
    itself and ends with the process: MLflow retries a damaged database for minutes and cannot be interrupted.
    """
    signs: queue.SimpleQueue[Callable[[], Result] | None] = queue.SimpleQueue()

    def told() -> None:
        try:
            result = work(lambda: signs.put(None))
            signs.put(lambda: result)
        except Exception as error:  # noqa: BLE001 raised again where it is waited for
            signs.put(lambda error=error: _raise(error))

    threading.Thread(target=told, name="mirror", daemon=True).start()
    end = None
    while end is None:
        try:
            end = signs.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {seconds:g} s") from None
    return end()


def give_up(uri: str, text: str) -> None:
    """Let this process show nothing more there, and say why, the first time."""
    if uri not in _given_up:
        _given_up.add(uri)
        warn(text)


def given_up(uri: str) -> bool:
    return uri in _given_up


def _raise(error: Exception) -> None:
    raise error
