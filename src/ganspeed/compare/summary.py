"""What a reader wants to know first: how soon a variant gets there, how many times sooner than another, and is it real.

The report's cards, MLflow's parent runs and DVC's metrics all show these numbers; `names.py` has their names.
"""

import math
from dataclasses import dataclass

from ganspeed.compare.comparison import UNIT, Comparison
from ganspeed.compare.differences import in_short, in_words
from ganspeed.compare.rounding import rounded
from ganspeed.compare.rows import Row
from ganspeed.compare.sentence import number
from ganspeed.compare.statistics import ALPHA, limits
from ganspeed.compare.verdict import NO_EVIDENCE, short_arms, word_of

NO_RATIO = "–"
NOT_THERE = {  # the arms that reached tau too rarely → the word in place of NO EVIDENCE
    ("new",): "NOT THERE",
    ("reference",): "REFERENCE NOT THERE",
    ("new", "reference"): "NEITHER THERE",
}


@dataclass(frozen=True)
class VariantSummary:
    """One variant over its runs; times are min(T, B) at tau in generator updates."""

    variant: str
    n: int
    reached: int
    time_to_tau: float  # geometric mean
    low: float | None  # of its 95 % interval, made as that of a speed-up; None below 6 runs
    high: float | None
    log_area: float | None  # mean; None if no run has a finite cfid


def summaries(comparison: Comparison) -> list[VariantSummary]:
    """Every variant, in the order of the file."""
    return [_summary(comparison, name) for name in dict.fromkeys(time.variant for time in comparison.times)]


def _summary(comparison: Comparison, variant: str) -> VariantSummary:
    times = comparison.times_of(variant, "tau")
    logs = [math.log(time.time) for time in times]
    low, high = limits(logs, ALPHA / 2)
    areas = [area.area for area in comparison.areas if area.variant == variant and area.area is not None]
    return rounded(
        VariantSummary(
            variant=variant,
            n=len(times),
            reached=sum(time.reached for time in times),
            time_to_tau=math.exp(math.fsum(logs) / len(logs)),
            low=None if low is None else math.exp(low),
            high=None if high is None else math.exp(high),
            log_area=math.fsum(areas) / len(areas) if areas else None,
        )
    )


def references(comparison: Comparison) -> list[str]:
    """Every reference of a comparison; without a plan, cards are over the first."""
    return list(dict.fromkeys(reference for _, reference in comparison.pairs))


def verdict_word(row: Row) -> str:
    """The verdict of a planned comparison in capitals; see `word_of` where there is none.

    Where an arm did not reach tau often enough, the word says which, since the ratio beside it is only a bound.
    """
    if row.verdict == NO_EVIDENCE and (short := tuple(short_arms(row))):
        return NOT_THERE[short]
    return word_of(row)


def verdict_tag(row: Row) -> str:
    """The same, with what the arms differ in beside the method."""
    return f"{verdict_word(row)}: {in_words(row.differs)}" if row.differs else verdict_word(row)


def named(row: Row) -> str:
    """The new arm, and what it has other than the reference beside the method."""
    return f"{row.new} ({in_short(row.differs)})" if row.differs else row.new


def bound(row: Row) -> str:
    """`≥` or `≤` where runs of one arm count as the budget, so that the true ratio lies beyond; `~` if of both."""
    late_new, late_reference = row.reached_new < row.n, row.reached_reference < row.n
    return {(False, False): "", (False, True): "≥", (True, False): "≤", (True, True): "~"}[late_new, late_reference]


def speed_up(row: Row) -> tuple[str, str]:
    """The ratio with its sign as a bound, and its interval; a dash and nothing if neither arm arrived.

    Where one arm never arrived and all its pairs tie at the budget, the interval has no width, and is left out.
    """
    if row.reached_new + row.reached_reference == 0:
        return NO_RATIO, ""
    ratio = f"{bound(row)}{number(row.ratio)}"
    if row.low is None:
        return ratio, ""
    low, high = number(row.low), number(row.high)
    return ratio, "" if bound(row) and low == high else f"{low}–{high}"


def cards(comparison: Comparison) -> list[Row]:
    """The comparisons to show first: the planned ones or, without a plan, every variant over the first reference."""
    if comparison.planned:
        return comparison.planned
    return [comparison.primary(new, ref) for new, ref in comparison.pairs if ref == references(comparison)[0]]


def headline(comparison: Comparison) -> str:
    """Who is ahead on this data set, and whether that is a verdict, in one or two sentences."""
    rows = cards(comparison)
    if not rows:
        return f"On {comparison.dataset} nothing is compared: no pair of variants has a common seed."
    if comparison.planned:
        return f"On {comparison.dataset}: {'; '.join(map(_claim, rows))}."
    return f"On {comparison.dataset} {_ahead(rows)}: exploratory, since no comparison was planned before the runs."


def _claim(row: Row) -> str:
    return f"{named(row)} against {row.reference} {verdict_word(row)}, {_speed(row)}"


def _ahead(rows: list[Row]) -> str:
    best = max(rows, key=lambda row: row.ratio)
    if best.reached_new + best.reached_reference == 0:
        return f"neither {best.reference} nor a variant over it reached τ"
    if best.ratio > 1:
        found = f"{named(best)} is ahead of {best.reference}, {_speed(best)}"
    else:
        found = f"{best.reference} is ahead; next comes {named(best)}, {_speed(best)}"
    if best.low is None:
        return f"{found}, too few for an interval"
    return f"{found}, an interval that holds 1" if best.low <= 1 <= best.high else found


def _speed(row: Row) -> str:
    ratio, interval = speed_up(row)
    if ratio == NO_RATIO:
        return f"no ratio, n = {row.n} {UNIT}"
    return f"{ratio}×{f' [{interval}]' if interval else ''}, n = {row.n} {UNIT}"
