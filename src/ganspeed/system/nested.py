"""Nested dicts of plain values, compared. Imports no torch."""

from typing import Any


def dict_differences(there: Any, here: Any, path: str = "") -> list[str]:
    """The differences between two nested dicts of plain values, each as a dotted path with both values."""
    if isinstance(there, dict) and isinstance(here, dict):
        inner = {key: f"{path}.{key}" if path else key for key in sorted(there.keys() | here.keys())}
        return [line for key, name in inner.items() for line in dict_differences(there.get(key), here.get(key), name)]
    return [] if there == here else [f"{path}: {there!r} there, {here!r} here"]
