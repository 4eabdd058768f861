"""The exit status of a command or stage, and the messages that it prints to stderr."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ganspeed.errors import Stopped, UserError
from ganspeed.source_files import PACKAGE
from ganspeed.system.shutdown import STOPPED_STATUS, exit_now, say_stopped

USER_ERROR = 2  # the exit status of an error that the user can correct
NO_MEMORY = ("allocate memory", "could not create a primitive", "out of memory")  # of torch, CUDA, oneDNN, the system
NO_SPACE = ("Disk quota exceeded", "File too large", "No space left")
# What a disk answers that is mounted, shared or owned in another way than expected, hence no mistake of the code.
DISK_ERRORS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ENOTCONN),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EMFILE, errno.ENFILE),
}
OUT_OF_MEMORY = (
    "out of memory: finished runs and scores are saved, nothing unfinished is a result; run again to continue, with a "
    "smaller GANSPEED_WORKERS. The batch size is never changed for you"
)
GPU_ERRORS = {  # part of a message of CUDA → the message for the user
    "busy or unavailable": "the GPU takes no further process: GANSPEED_WORKERS=1 needs no second one",
    "CUDA error": "the GPU failed: finished runs and scores are saved; run again to continue",
}
FULL_BELOW = 2**20  # bytes that are free
SHARED_MEMORY = Path("/dev/shm")  # which processes exchange data by


def exit_status(body: Callable[[], None], root: Path) -> int:
    """Call `body`; returns 0, or 2 after printing an error that the user can correct. Other errors are raised.

    When it was stopped, this process ends here with status 75. root: the folder of the study.
    """
    try:
        refuse_other_code(root)
        body()
    except UserError as error:
        _print_error(f"error: {error}")
        return USER_ERROR
    except Stopped:
        say_stopped()
    except Exception as error:
        if (message := _explain(error, root)) is None:
            raise
        _print_error(f"error: {message}")
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


def _print_error(message: str) -> None:
    with suppress(OSError):  # of a terminal that was closed
        print(message, file=sys.stderr, flush=True)


def _explain(error: Exception, root: Path) -> str | None:
    """The message for a lack of memory or disk space, whatever the type, and for a disk's refusal; None for others."""
    text = str(error).partition("\n")[0]  # CUDA goes on with advice to developers
    if isinstance(error, MemoryError) or any(part in text for part in NO_MEMORY):
        return f"{OUT_OF_MEMORY} ({text})"
    for part, message in GPU_ERRORS.items():
        if part in text:
            return f"{message}, GANSPEED_DEVICE=cpu needs no GPU ({text})"
    if any(part in text for part in NO_SPACE):
        place = _file_of(error) or _first(_is_full, root)
        full = f"the disk of {place}" if place else f"a disk (of {root}, of {tempfile.gettempdir()} or of the output)"
        return f"{full} is full: existing files are unchanged; free some space and run again ({text})"
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return f"{_file_of(error) or _first(_is_read_only, root) or root}: {error.strerror}"
    return None


def _file_of(error: Exception) -> str | None:
    """The file that an OSError is about; of a copy, its target."""
    return getattr(error, "filename2", None) or getattr(error, "filename", None)


def _first(holds: Callable[[Path], bool], root: Path) -> Path | None:
    """The first place that a process writes to of which this holds: an error of `write` names no file."""
    places: Iterable[Path] = (root, Path(tempfile.gettempdir()), SHARED_MEMORY)
    return next((place for place in places if place.exists() and holds(place)), None)


def _is_full(place: Path) -> bool:
    return shutil.disk_usage(place).free < FULL_BELOW


def _is_read_only(place: Path) -> bool:
    return not os.access(place, os.W_OK)
