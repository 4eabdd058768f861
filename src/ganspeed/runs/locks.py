"""The locks of a study: who holds one, and why one cannot be taken.

The system frees a lock with the process that holds it: a lock may be held, never stale.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import AcquireReturnProxy, FileLock

TRAINING_LOCK, MLFLOW_LOCK = "lock", "mlflow.lock"  # files in the run cache
NO_LOCKS = {
    errno.ENOLCK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EINVAL,
}  # how drives without locks answer


def acquire(path: Path, timeout: float = -1) -> AcquireReturnProxy:
    """Take a lock in the run cache; `timeout` in seconds, without one for as long as it takes.

    Raises filelock.Timeout, and OSError where it cannot be taken at all; `problem` then says why.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path).acquire(timeout=timeout)


def problem(path: Path) -> str | None:
    """Why a lock in the run cache cannot be taken, with what to do about it; None if it can, or is held.

    Another file beside it is locked, never the lock itself: a training that starts at that moment would wait for it.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists() or path.is_symlink():
            os.close(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK))
        with acquire(probe, timeout=0):
            return None
    except OSError as error:
        return f"{path}: {_advice(path, error)}"
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _advice(path: Path, error: OSError) -> str:
    folder = path.parent
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        return f"{folder} is no folder; move it away, or link it to a folder that exists"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{error.strerror}{_permission(path)}"
    if path.is_dir() or path.is_symlink():
        return "not a file; remove it"
    if error.errno == errno.EROFS:
        return f"{error.strerror}; mount it writable, or move {folder} away and link it to a folder on another drive"
    if error.errno in NO_LOCKS:
        return (
            f"{error.strerror}: this drive supports no locks; put the run cache on a local one: "
            f"`mv {folder} LOCAL_FOLDER/NEW_NAME && ln -s LOCAL_FOLDER/NEW_NAME {folder}`"
        )
    return error.strerror


def _permission(path: Path) -> str:
    """How to be allowed to write this file of the run cache: its owner changes the mode, another user the owner."""
    folder = path.parent if path.parent.is_dir() else path.parent.parent
    refusing = path if os.access(folder, os.W_OK | os.X_OK) and path.exists() else folder
    if refusing.stat().st_uid == os.geteuid():
        return f"; `chmod u+rwX {refusing}`"
    return f", perhaps after a run by another user; `sudo chown -R $(id -u) {folder}`"


def holders(path: Path) -> list[str]:
    """The processes that have this file open, by number and command."""
    found, real = [], path.resolve()
    for process in psutil.process_iter():
        try:
            if any(Path(file.path) == real for file in process.open_files()):
                found.append(f"process {process.pid} ({' '.join(process.cmdline())[:80]})")
        except psutil.Error:  # of another user, or it has just ended
            continue
    return found
