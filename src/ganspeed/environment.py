"""The variables of the environment that ganspeed reads. An empty one is not set: CI systems set empty ones."""

import os

from ganspeed.errors import UserError


def variable(name: str) -> str | None:
    """The value of a variable of the environment; None when it is empty or not there."""
    return os.environ.get(name) or None


def switch(name: str) -> bool:
    """Whether a variable is 1; 0 is as none. Raises UserError for any other value."""
    value = variable(name)
    if value not in (None, "0", "1"):
        raise UserError(f"{name}={value}: allowed: 1, and 0 or nothing for no")
    return value == "1"
