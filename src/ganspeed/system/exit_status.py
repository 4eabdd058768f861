"""The exit status of a command or stage, and what it says on stderr."""

import sys
from collections.abc import Callable
from pathlib import Path

from ganspeed.errors import Stopped, UserError
from ganspeed.system.shutdown import MESSAGE, STATUS, exit_now

MISTAKE = 2  # the exit status of what the user can mend
OUT_OF_MEMORY = (
    "out of memory: what was finished is kept, nothing unfinished is a result; run again to go on, with a smaller "
    "GANSPEED_WORKERS. The batch size is never changed for you"
)
DISK_FULL = "the disk of {place} is full: what was there is as it was; make room and run again"
SHORTAGES = {  # what Python, torch, CUDA, oneDNN and the system say → what it means for the user
    "allocate memory": OUT_OF_MEMORY,
    "could not create a primitive": OUT_OF_MEMORY,
    "out of memory": OUT_OF_MEMORY,
    "Disk quota exceeded": DISK_FULL,
    "File too large": DISK_FULL,
    "No space left": DISK_FULL,
}


def exit_status(body: Callable[[], None], place: Path) -> int:
    """Call `body`: 0, or 2 with what the user can mend on stderr. Other errors are raised.

    When it was stopped, this process ends here, with status 75.

    place: the folder of the study.
    """
    try:
        body()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISTAKE
    except Stopped:
        print(MESSAGE, file=sys.stderr)
    except Exception as error:
        if (words := _shortage(error)) is None:
            raise
        print(f"error: {words.format(place=place)} ({error})", file=sys.stderr)
        return MISTAKE
    else:
        return 0
    return exit_now(STATUS)  # after the handler: what the run held, queues and locks, is let go first


def _shortage(error: Exception) -> str | None:
    """What to do about a want of memory or room, whoever raised it and as what; None for every other error."""
    said = "out of memory" if isinstance(error, MemoryError) else str(error)
    return next((words for sign, words in SHORTAGES.items() if sign in said), None)
