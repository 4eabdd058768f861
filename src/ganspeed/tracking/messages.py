"""Warnings about MLflow: one line each, on stderr, once in a process."""

import re
import sys
from functools import cache

_disabled: set[str] = set()


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


@cache
def warn_not_installed() -> None:
    """Say that MLflow is not installed, once in a process."""
    warn("MLflow is not installed: runs are not mirrored; install it and run `ganspeed track` to add them")


def one_line(uri: str, error: Exception) -> str:
    """An error of MLflow in one line, without the password that a URI may contain."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return re.sub(r"//[^/@\s]+@", "//***@", f"MLflow at {uri}: {first:.300}")


def disable(uri: str, text: str) -> None:
    """Stop mirroring to this URI for the rest of the process; the first call warns with `text` as the reason."""
    if uri not in _disabled:
        _disabled.add(uri)
        warn(f"{text} (results do not depend on MLflow; `ganspeed track` adds what is missing)")


def is_disabled(uri: str) -> bool:
    return uri in _disabled
