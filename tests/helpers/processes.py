"""The processes of a training, jobs that a process of ours is given, and a process that permissions hold for."""

import ctypes
import os
import subprocess
from pathlib import Path

WORKER = "spawn_main"  # in the command line of a worker process


def trainers(root: Path, kind: str = "") -> list[int]:
    """Processes with this working folder, and with `kind` in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if kind not in (entry / "cmdline").read_text():
                continue
            if (entry / "cwd").resolve() == root and (entry / "stat").read_text().split(") ")[1][0] != "Z":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def run_unprivileged(command: list[str], **options) -> subprocess.CompletedProcess:
    """Run a command that may read and write what the modes of files allow, even if the tests are root's."""
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_obey_modes, **options)


def _obey_modes() -> None:
    drop, dac_override, dac_read_search = 24, 1, 2  # of linux/prctl.h and linux/capability.h
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)  # without the right to, there is nothing to drop


def double(n: int) -> int:
    return 2 * n


def die(item) -> None:
    os._exit(9)
