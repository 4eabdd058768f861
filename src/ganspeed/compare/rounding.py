"""Ten significant digits: what lies beyond them depends on the order of summation."""

from dataclasses import is_dataclass, replace


def rounded(value):
    """The same structure of dicts, lists and dataclasses with every float to 10 significant digits."""
    if is_dataclass(value):
        return replace(value, **rounded(vars(value)))
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value
