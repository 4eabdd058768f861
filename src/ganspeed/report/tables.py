"""Tables and the numbers in them, the same for index.html and summary.md."""

import math
from dataclasses import dataclass

from ganspeed.compare import sentence
from ganspeed.compare.rows import Row
from ganspeed.compare.summary import bound

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """A text, and a smaller one below it."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class Table:
    """A caption, column heads and groups of rows, each group under a title that may be empty."""

    caption: str
    head: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[Cell, ...], ...]], ...]
    texts: int = 1  # leading columns that hold text, set flush left
    note: str = ""  # text below the table


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, with an exponent only below 1e-4; None and NaN are a dash."""
    if value is None or not math.isfinite(value):
        return NONE
    if value != 0 and abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    rounded = float(f"{value:.{digits - 1}e}")
    places = digits - 1 - math.floor(math.log10(abs(rounded))) if rounded != 0 else 0
    return f"{rounded:,.{max(0, places)}f}".replace("-", "−")


def plain(value: float) -> str:
    """A setting or a count with all its digits: 1,200 or 0.5."""
    return f"{value:,.10g}"


def span(counts: list[int]) -> str:
    """The common count, or the lowest and the highest."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def speed_up(row: Row) -> tuple[str, str]:
    """The ratio of a comparison with its sign as a bound, and its interval; a dash and nothing if neither arrived.

    Where one arm never arrived and all its pairs tie at the budget, the interval has no width, and is left out.
    """
    if row.reached_new + row.reached_reference == 0:
        return NONE, ""
    if row.low is None:
        return f"{bound(row)}{sentence.number(row.ratio)}", ""
    low, high = sentence.number(row.low), sentence.number(row.high)
    return f"{bound(row)}{sentence.number(row.ratio)}", "" if bound(row) and low == high else f"{low}–{high}"
