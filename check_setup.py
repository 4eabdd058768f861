"""Refuse to make .venv with a Python, or on a disk, that it cannot be made with. Runs in any Python since 3.6."""

import os
import re
import shutil
import sys

GIB = 8  # that the packages take while they are installed


def problem():
    """What is wrong, in a sentence; None if nothing is."""
    with open("pyproject.toml", encoding="utf-8") as file:
        lowest, above = map(int, re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read()).groups())
    major, minor = sys.version_info[:2]
    if not (3, lowest) <= (major, minor) < (3, above):
        here, allowed = f"{major}.{minor}", f"3.{lowest} to 3.{above - 1}"
        return f"{sys.executable} is Python {here}, not {allowed}: name one, as in make PYTHON=python3.12 repro"
    try:
        import ensurepip  # noqa: F401 some systems leave it out
    except ImportError:
        return f"{sys.executable} lacks its venv module: install it (Debian: python3-venv), or name another Python"
    if os.path.islink(".venv"):  # venv would empty what it leads to, then refuse the link
        target = os.path.realpath(".venv")
        return f".venv is a link, and {target} lacks these packages or is older than requirements.lock: remove the link"
    free = shutil.disk_usage(".").free / 2**30
    if free < GIB and not os.path.exists(".venv") and not os.environ.get("ANY_DISK"):
        return f"the packages need {GIB} GiB, and {free:.1f} are free here: make room, or make ANY_DISK=1 repro"
    return None


if __name__ == "__main__":
    found = problem()
    sys.exit(found and f"error: {found}")
