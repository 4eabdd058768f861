"""Knobs: the numbers of a variant's block that tuning and presets set.

A knob is named by its key alone where that says enough, such as lr_g, half_life or lambda_gp, and otherwise by its
path in the block, such as optimizer.D.momentum.
"""

import copy
from collections.abc import Mapping
from typing import Any

Path = tuple[str, ...]  # the keys that lead to a number of a block

RATES = {"lr_g": ("optimizer", "G", "lr"), "lr_d": ("optimizer", "D", "lr")}  # of an optimiser for each player
PARTS: tuple[Path, ...] = (("optimizer",), ("optimizer", "schedule"), ())  # where a key alone is looked for, in order


def path_of(block: Mapping[str, Any], knob: str) -> Path:
    """Where a variant's block has this knob. Raises KeyError where it has none."""
    alone = [(*part, knob) for part in PARTS] + [path for key, path in RATES.items() if key == knob]
    for path in [tuple(knob.split("."))] if "." in knob else alone:
        if _has(block, path):
            return path
    raise KeyError(knob)


def has(block: Any, knob: str) -> bool:
    """Whether a block, checked or not, has this knob."""
    try:
        path_of(block, knob)
    except KeyError:
        return False
    return True


def value_of(block: Mapping[str, Any], knob: str) -> Any:
    """The value of a knob. Raises KeyError."""
    *parents, key = path_of(block, knob)
    return _inside(block, parents)[key]


def with_values(block: Any, values: Mapping[str, Any], complete: Mapping[str, Any] | None = None) -> Any:
    """A copy of the block with these values; comments of a ruamel.yaml block are preserved. Raises KeyError.

    complete: the same block with all its defaults; a knob that only it has is added to the copy.
    """
    new = copy.deepcopy(block)
    for knob, value in values.items():
        *parents, key = path_of(complete or new, knob)
        _inside(new, parents)[key] = value
    return new


def is_number(block: Mapping[str, Any], knob: str) -> bool:
    """Whether a checked block has this knob as a float."""
    return has(block, knob) and isinstance(value_of(block, knob), float)


def grid_sizes(count: int, trials: int) -> list[int]:
    """How many values each of so many knobs has in the largest grid of at most so many trials.

    All have the same, and those named first one more as long as that fits.
    """
    each = 1
    while count and (each + 1) ** count <= trials:
        each += 1
    more = max(k for k in range(count + 1) if (each + 1) ** k * each ** (count - k) <= trials)
    return [each + 1] * more + [each] * (count - more)


def _has(block: Any, path: Path) -> bool:
    for key in path:
        if not (isinstance(block, Mapping) and key in block):
            return False
        block = block[key]
    return True


def _inside(block: Any, parents: list[str]) -> Any:
    for key in parents:
        block = block[key]
    return block
