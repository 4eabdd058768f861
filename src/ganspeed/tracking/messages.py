"""Warnings about MLflow: one line each, on stderr, once in a process."""

import sys
from functools import cache

from ganspeed.tracking.address import hide_secrets

_disabled: set[str] = set()


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


@cache
def warn_not_installed() -> None:
    """Say that MLflow is not installed, once in a process."""
    warn("MLflow is not installed: runs are not mirrored; install it and run `ganspeed track` to add them")


def first_line(error: Exception) -> str:
    """The first line of an error's message, with the type of errors that say too little without: `KeyError: 'id'`."""
    text = str(error).strip()
    if not text or isinstance(error, LookupError | TypeError | AttributeError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return text.splitlines()[0]


def one_line(uri: str, error: Exception | str) -> str:
    """An error of MLflow in one line of some 300 characters, without the secrets that a URI may contain."""
    text = error if isinstance(error, str) else first_line(error)
    return f"MLflow at {hide_secrets(uri, uri)}: {hide_secrets(text, uri):.300}"


def disable(uri: str, text: str) -> None:
    """Stop mirroring to this URI for the rest of the process; the first call warns with `text` as the reason."""
    if uri not in _disabled:
        _disabled.add(uri)
        warn(f"{text} (results do not depend on MLflow; `ganspeed track` adds what is missing)")


def is_disabled(uri: str) -> bool:
    return uri in _disabled
