"""Significant digits: what lies beyond ten of them depends on the order of summation."""

from dataclasses import is_dataclass, replace


def rounded(value, digits: int = 10):
    """The same structure of dicts, lists and dataclasses with every float to so many significant digits."""
    if is_dataclass(value):
        return replace(value, **rounded(vars(value), digits))
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
