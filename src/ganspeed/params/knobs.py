"""Knobs: the numbers of a variant's block that tuning sets, named by their key alone, such as lr_g or lambda_gp."""

import copy
from typing import Any


def section_of(block: dict, knob: str) -> dict:
    """The part of a variant's block that has this knob: its optimiser or the block itself. Raises KeyError."""
    for part in (block["optimizer"], block):
        if knob in part:
            return part
    raise KeyError(knob)


def with_values(block: Any, values: dict[str, float]) -> Any:
    """A copy of the block with these values; comments of a ruamel.yaml block are preserved. Raises KeyError."""
    new = copy.deepcopy(block)
    for knob, value in values.items():
        section_of(new, knob)[knob] = value
    return new


def is_number(block: dict, knob: str) -> bool:
    """Whether a checked block has this knob as a float."""
    return any(isinstance(part.get(knob), float) for part in (block["optimizer"], block))
