"""The sentence of a comparison, computed from its row. Only a planned row has a verdict."""

from collections.abc import Sequence

from ganspeed.compare.differences import in_words
from ganspeed.compare.rows import Row
from ganspeed.compare.verdict import EQUIVALENT, FASTER, SLOWER, short_arms, word_of

AXIS_WORDS = {
    "updates": "generator updates",
    "d_updates": "critic updates",
    "images": "images",
    "seconds": "training seconds",
}


def sentence(row: Row, dataset: str, device: str, tau: float, others: Sequence[Row]) -> str:
    """One or two sentences on a row of the primary axis at tau; `others` are its rows on the axes that differ."""
    verdict, new, reference = row.verdict, row.new, row.reference
    inverse = verdict is not None and verdict.startswith(SLOWER)
    goal, axis = f"cfid ≤ {tau:.10g}", AXIS_WORDS[row.axis]
    counts = f"reached {row.reached_new}/{row.n} against {row.reached_reference}/{row.n}"
    times, facts = _times(row, inverse), _facts(row, inverse)
    if verdict is None:
        standing = f"{word_of(row)} ({in_words(row.differs)})" if row.differs else word_of(row)
        what = f"speed-up of {new} over {reference} to {goal} in {axis} {times} {facts}, {standing}; {counts}"
    elif verdict.startswith((FASTER, SLOWER)):
        word = "later" if inverse else "sooner"
        what = f"{new} reached {goal} {times} {word} than {reference} in {axis} {facts}; {counts}"
    elif verdict == EQUIVALENT:
        what = f"{new} and {reference} are equivalent in the {axis} to {goal}: {times} {facts}; {counts}"
    else:
        what = _no_evidence(row, goal, axis, f"{times} {facts}; {counts}")
    link = " " if verdict is not None and verdict.startswith(FASTER) else " the speed-up is "
    tail = "".join(f" In {AXIS_WORDS[other.axis]}{link}{_times(other)}{_bracket(other)}." for other in others)
    return f"On {dataset}, {device}: {what}.{_guards(row)}{tail}"


def _no_evidence(row: Row, goal: str, axis: str, found: str) -> str:
    """The reason, and what was measured."""
    start = f"no evidence of a difference between {row.new} and {row.reference} in the {axis} to {goal} ({row.reason})"
    short = short_arms(row)
    if short == ["reference"]:
        return f"{start}: the speed-up is at least {found}"
    if short:
        means = f"mean of min(T, B) {row.rmst_new:,.4g} against {row.rmst_reference:,.4g} {axis}"
        counts = f"{row.wins} wins, {row.ties} ties, {row.losses} losses"
        return f"{start}: {means}; {counts}; {found.split('; ')[-1]}"
    return f"{start}: speed-up {found}"


def _guards(row: Row) -> str:
    """The guards that failed, with their values, of a claim that failed by its guards."""
    if row.verdict is None or "GUARD FAILED" not in row.verdict:
        return ""
    words = {
        "final_cfid": "final cfid (upper bound of the ratio {value}, asked < {bound})",
        "coverage": "coverage (lower by {value}, asked at most {bound})",
        "failures": "failures ({value} more, asked at most {bound})",
        "tau25": "speed-up at tau25 ({value}, asked > {bound})",
        "tau75": "speed-up at tau75 ({value}, asked > {bound})",
        "second": "speed-up by the second classifier ({value}, asked > {bound})",
    }
    failed = [
        words[name].format(value="unknown" if guard.value is None else f"{guard.value:.3g}", bound=f"{guard.bound:g}")
        for name, guard in row.guards.items()
        if not guard.ok
    ]
    return f" The guards fail for {row.new if row.ratio >= 1 else row.reference}: {', '.join(failed)}."


def _times(row: Row, inverse: bool = False) -> str:
    return f"{number(1 / row.ratio if inverse else row.ratio)}×"


def _interval(row: Row, inverse: bool) -> str | None:
    if row.low is None:
        return None
    low, high = (1 / row.high, 1 / row.low) if inverse else (row.low, row.high)
    return f"{number(low)}–{number(high)}"


def _bracket(row: Row) -> str:
    interval = _interval(row, inverse=False)
    return "" if interval is None else f" [{interval}]"


def _facts(row: Row, inverse: bool) -> str:
    interval = _interval(row, inverse)
    parts = ["too few seeds for an interval" if interval is None else f"95 % interval {interval}"]
    parts.append(f"{row.n} paired seed{'s' if row.n != 1 else ''}")
    if row.p_holm is not None:
        parts.append("Holm p < 0.001" if row.p_holm < 0.001 else f"Holm p = {row.p_holm:.3f}")
    return f"({', '.join(parts)})"


def number(value: float) -> str:
    """A ratio to two decimals, from ten on to three digits."""
    return f"{value:.2f}" if value < 9.995 else f"{value:,.3g}"
