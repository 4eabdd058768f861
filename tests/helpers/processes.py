"""The processes of a training, and jobs that a process of ours is given."""

import os
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


def double(n: int) -> int:
    return 2 * n


def die(item) -> None:
    os._exit(9)
