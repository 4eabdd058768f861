"""Knobs: the numbers of a variant's block that tuning sets, by their plain names, lr_g as well as lambda_gp."""

import copy
from typing import Any


def home(block: dict, knob: str) -> dict | None:
    """The part of a variant's block where the knob lies: its optimiser or the block itself; None if in neither."""
    for part in (block["optimizer"], block):
        if knob in part and isinstance(part[knob], float):
            return part
    return None


def turned(block: Any, values: dict[str, float]) -> Any:
    """A copy of the block with these knobs at these values; comments of a ruamel block are kept. Raises KeyError."""
    new = copy.deepcopy(block)
    for knob, value in values.items():
        part = home(new, knob)
        if part is None:
            raise KeyError(knob)
        part[knob] = value
    return new


def missing(block: dict, names: list[str]) -> list[str]:
    """The knobs that this block has not, as numbers with a fraction."""
    return [name for name in names if home(block, name) is None]
