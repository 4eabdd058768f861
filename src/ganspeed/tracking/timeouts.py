"""MLflow may be down, slow, locked or damaged: how long a stage or a command waits for it."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

STAGE_TIMEOUT = 2.0  # seconds without progress after which a stage stops waiting
COMMAND_TIMEOUT = 30.0  # seconds without progress after which `ganspeed track` stops waiting

OnProgress = Callable[[], None]
Result = TypeVar("Result")


def no_progress() -> None:
    """An OnProgress that does nothing."""


def with_timeout(work: Callable[[OnProgress], Result], timeout: float) -> Result:
    """Run `work(on_progress)` in a thread and return its result; `work` calls `on_progress` after each step.

    Raises what `work` raises, and TimeoutError after `timeout` seconds without progress. The thread is then abandoned
    and ends with the process: MLflow retries a damaged database for minutes and cannot be interrupted.
    """
    events: queue.SimpleQueue[Callable[[], Result] | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = work(lambda: events.put(None))
            events.put(lambda: result)
        except Exception as error:  # noqa: BLE001 raised again by the caller
            events.put(lambda error=error: _raise(error))

    threading.Thread(target=run, name="mirror", daemon=True).start()
    outcome = None
    while outcome is None:
        try:
            outcome = events.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no answer within {timeout:g} s") from None
    return outcome()


def _raise(error: Exception) -> None:
    raise error
