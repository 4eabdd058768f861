"""The exit status of a command or stage, and the messages that it prints to stderr."""

import sys
from collections.abc import Callable
from pathlib import Path

from ganspeed.errors import Stopped, UserError
from ganspeed.source_files import PACKAGE
from ganspeed.system.shutdown import MESSAGE, STOPPED_STATUS, exit_now

USER_ERROR = 2  # the exit status of an error that the user can correct
OUT_OF_MEMORY = (
    "out of memory: finished runs and scores are saved, nothing unfinished is a result; run again to continue, with a "
    "smaller GANSPEED_WORKERS. The batch size is never changed for you"
)
DISK_FULL = "the disk of {root} is full: existing files are unchanged; free some space and run again"
GPU_BUSY = "the GPU takes no further process: GANSPEED_WORKERS=1 needs no second one, GANSPEED_DEVICE=cpu no GPU"
GPU_FAILED = (
    "the GPU failed: finished runs and scores are saved; run again to continue, GANSPEED_DEVICE=cpu needs no GPU"
)
SHORTAGES = {  # part of a message of Python, torch, CUDA, oneDNN or the system → the message for the user
    "allocate memory": OUT_OF_MEMORY,
    "could not create a primitive": OUT_OF_MEMORY,
    "out of memory": OUT_OF_MEMORY,
    "busy or unavailable": GPU_BUSY,
    "CUDA error": GPU_FAILED,
    "Disk quota exceeded": DISK_FULL,
    "File too large": DISK_FULL,
    "No space left": DISK_FULL,
}


def exit_status(body: Callable[[], None], root: Path) -> int:
    """Call `body`; returns 0, or 2 after printing an error that the user can correct. Other errors are raised.

    When it was stopped, this process ends here with status 75. root: the folder of the study.
    """
    try:
        refuse_other_code(root)
        body()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except Stopped:
        print(MESSAGE, file=sys.stderr)
    except Exception as error:
        if (message := _shortage(error)) is None:
            raise
        first_line = str(error).partition("\n")[0]
        print(f"error: {message.format(root=root)} ({first_line})", file=sys.stderr)
        return USER_ERROR
    else:
        return 0
    return exit_now(STOPPED_STATUS)  # after the handler: the run's queues and locks are released first


def refuse_other_code(root: Path) -> None:
    """Raise UserError in a study with another copy of the package than this one: its results would not be of its code.

    A study without a copy of its own is run by this one.
    """
    own = root / "src" / PACKAGE.name
    if own.is_dir() and not own.samefile(PACKAGE):
        raise UserError(
            f"{own} is the code of this study, but {PACKAGE} is running: set PYTHONPATH to {own.parent}, or "
            f"remove {root / '.venv'} and run `make` there"
        )


def _shortage(error: Exception) -> str | None:
    """The message for an error by a lack of memory, disk space or a GPU, whatever its type; None for other errors."""
    text = "out of memory" if isinstance(error, MemoryError) else str(error)
    return next((message for part, message in SHORTAGES.items() if part in text), None)
