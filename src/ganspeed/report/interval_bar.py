"""The bar of a card: a speed-up with its interval on a logarithmic axis, beside 1 and the band of equivalence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ganspeed.compare.rows import Row
from ganspeed.compare.sentence import number
from ganspeed.compare.summary import bound

WIDTH = 300  # of the bar's drawing, in its own units
MARGIN = 14
LEAST_REACH = 1.6  # the axis goes at least this far on both sides of 1
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis of ratios over a bar's width, the same for all cards of a data set."""

    low: float
    high: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Scale":
        ends = [end for row in rows for end in (row.ratio, row.low, row.high) if end is not None]
        return cls(min([1 / LEAST_REACH, *ends]), max([LEAST_REACH, *ends]))

    def at(self, ratio: float) -> float:
        share = math.log(ratio / self.low) / math.log(self.high / self.low)
        return round(MARGIN + (WIDTH - 2 * MARGIN) * min(1.0, max(0.0, share)), 1)


@dataclass(frozen=True)
class IntervalBar:
    """Places are horizontal, in units of WIDTH."""

    band: tuple[float, float]  # of equivalence
    one: float
    ratio: float | None  # None where neither arm arrived
    interval: tuple[float, float] | None
    arrow: str  # `right` or `left` where the ratio is only a bound and lies beyond, `both`, or empty
    ticks: tuple[tuple[float, str], ...]
    alt: str


def interval_bar(row: Row, scale: Scale, equivalence: tuple[float, float]) -> IntervalBar:
    low, high = equivalence
    arrived, known = row.reached_new + row.reached_reference > 0, row.low is not None
    shown = f"{bound(row)}{number(row.ratio)}" if arrived else "unknown"
    interval = f", 95 % interval {number(row.low)} to {number(row.high)}" if arrived and known else ""
    return IntervalBar(
        band=(scale.at(low), scale.at(high)),
        one=scale.at(1),
        ratio=scale.at(row.ratio) if arrived else None,
        interval=(scale.at(row.low), scale.at(row.high)) if arrived and known else None,
        arrow={"≥": "right", "≤": "left", "~": "both", "": ""}[bound(row)] if arrived else "",
        ticks=tuple((scale.at(tick), f"{tick:g}") for tick in TICKS if scale.low <= tick <= scale.high),
        alt=f"speed-up {shown}{interval}, on an axis with 1 and the band of equivalence {low:g} to {high:g}",
    )
