"""The variables of the environment that ganspeed reads. An empty one is not set: CI systems set empty ones."""

import os


def variable(name: str) -> str | None:
    """The value of a variable of the environment; None when it is empty or not there."""
    return os.environ.get(name) or None
