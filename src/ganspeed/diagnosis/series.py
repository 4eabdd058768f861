"""When a series of values begins to lie beyond a bound: what detectors ask of a column of the history."""

import operator
from typing import Literal

import numpy as np
import pandas as pd

from ganspeed.diagnosis import EvidenceError, Sign

Relation = Literal["<", "<=", ">"]
HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt}


def stretch(holds: pd.Series) -> pd.Index:
    """The updates of the rows, up to the last, in which something holds without a gap. holds: bool by update."""
    return holds.index[_begin(holds.to_numpy()) :]


def lasting(values: pd.Series, relation: Relation, bound: float, what: str, rows: int = 1) -> Sign | None:
    """The sign that values, by update, have been beyond the bound for so many rows in a row, up to the last.

    Its value is their median. Raises EvidenceError for a series of fewer rows.
    """
    if len(values) < rows:
        raise EvidenceError(f"{len(values)} rows, not {rows} or more")
    numbers = values.to_numpy()
    begin = _begin(HOLDS[relation](numbers, bound))
    if len(numbers) - begin < max(rows, 1):
        return None
    return Sign(int(values.index[begin]), what, float(np.median(numbers[begin:])), relation, bound)


def _begin(holds: np.ndarray) -> int:
    """The place of the first of the rows, up to the last, that hold without a gap; their number for none."""
    broken = np.flatnonzero(~holds)
    return int(broken[-1]) + 1 if len(broken) else 0


def somewhere(values: pd.Series, bound: float, what: str) -> Sign | None:
    """The sign that values, by update, exceed the bound in some row: since the first, with the largest of them."""
    beyond = values[values > bound]
    return Sign(int(beyond.index[0]), what, float(beyond.max()), ">", bound) if len(beyond) else None


def from_update(values: pd.Series | pd.DataFrame, update: float) -> pd.Series | pd.DataFrame:
    """The rows of this update or later. Raises EvidenceError where there are none."""
    later = values[values.index >= update]
    if later.empty:
        raise EvidenceError(f"no row of update {update:.0f} or later")
    return later


def tail_of(values: pd.Series | pd.DataFrame, share: float) -> pd.Series | pd.DataFrame:
    """The rows in the last part of the run, by updates. Raises EvidenceError where there are none after update 0."""
    tail = values[values.index > (1 - share) * values.index[-1]]
    if tail.empty:
        raise EvidenceError("no row after update 0")
    return tail


def over_early(values: pd.Series, share: float) -> pd.Series:
    """Values over the largest in the first part of the run, by updates; 0 where that is 0."""
    early = values[values.index <= max(share * values.index[-1], values.index[0])].max()
    return values / early if early > 0 else values * 0
