"""Words that sections share."""

from collections.abc import Iterable, Mapping
from math import isfinite

from ganspeed.compare.comparison import UNIT
from ganspeed.compare.rows import Row
from ganspeed.compare.summary import bound
from ganspeed.report.tables import number

STATUS_WORDS = {"demo": "a demonstration", "exploratory": "exploratory", "confirmatory": "confirmatory"}


def listed(names: Iterable[object]) -> str:
    """One, two and three → `one, two and three`."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def units(n: int | str) -> str:
    """A number of what a comparison counts: `8 seeds`."""
    return f"{n} {UNIT.removesuffix('s') if n in (1, '1') else UNIT}"


def values(of: Mapping[str, float | None]) -> str:
    """Name → value as words: `gan 3.21, wgan 2.20`; what is not known is left out."""
    return (
        ", ".join(f"{name} {number(value)}" for name, value in of.items() if value is not None and isfinite(value))
        or "none"
    )


def bound_clause(row: Row) -> str:
    """Why the ratio of a comparison is only a bound, by how many of each arm reached tau; empty if it is none."""
    arms = {row.new: row.reached_new, row.reference: row.reached_reference}
    late = [f"{count} of {row.n} {UNIT} of {name}" for name, count in arms.items() if count < row.n]
    if not late:
        return ""
    if sum(arms.values()) == 0:
        return f"Neither reached τ in any of {units(row.n)}, so that there is no ratio."
    meaning = {"≥": "is only a lower bound", "≤": "is only an upper bound", "~": "may be off on either side"}
    few = listed(late) if 0 in arms.values() else f"Only {listed(late)}"
    return f"{few} reached τ; the others count as the budget, so that the ratio {meaning[bound(row)]}."
