"""The report's tables: formatted numbers, each with its n, the same for index.html and summary.md."""

import math
from dataclasses import dataclass

from ganspeed.compare.rows import Row
from ganspeed.compare.times import THRESHOLDS
from ganspeed.report import summaries
from ganspeed.report.read import Results
from ganspeed.scoring.metrics import LOWER_IS_BETTER

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


def scores(results: Results, note: str) -> Table:
    """One row per variant over its last snapshots, and the calibration rows."""
    table, beside = summaries.last_scores(results), summaries.calibration(results)
    metrics = summaries.ordered_metrics(set(table["metric"]))
    others = [metric for metric in metrics if metric != "cfid"]
    arrows = {metric: "↓" if metric in LOWER_IS_BETTER else "↑" for metric in metrics}
    head = ("", "n", "reached τ", f"median cfid {arrows['cfid']}", f"cfid {arrows['cfid']}")
    variants = tuple(_variant_row(results, table, variant, others) for variant in results.variants)
    rows = tuple(_calibration_row(beside, row, others) for row in dict.fromkeys(beside["row"]))
    caption = (
        "Scores of the last snapshot. Variants: mean over seeds ± sample standard deviation, for cfid the median too; "
        "a diverged run counts with the last snapshot it has. Calibration: what real, damaged and simulated images "
        "score by the same measures."
    )
    groups = (("Variants, n in seeds", variants), ("Calibration, n in images (untrained: in runs)", rows))
    return Table(caption, head + tuple(f"{metric} {arrows[metric]}" for metric in others), groups, note=note)


def times(results: Results) -> Table:
    """Median updates to each threshold, with the number of seeds that reached it."""
    thresholds = results.comparison.thresholds
    rows = []
    for variant in results.variants:
        n = len(results.of(variant))
        row = [Cell(variant), Cell(str(n))]
        for name in THRESHOLDS:
            median = summaries.median_time(results, variant, name)
            mean = number(summaries.restricted_mean(results, variant, name))
            reached = f"{summaries.reached(results, variant, name)}/{n}, mean {mean}"
            row.append(Cell(plain(median) if median is not None else "not reached", reached))
        rows.append(tuple(row))
    caption = (
        f"Generator updates until cfid first stays at or below a threshold: median over seeds, and how many of "
        f"them reached the threshold within the budget B of {plain(thresholds.budget)} updates. A seed that did "
        f"not counts as infinitely late in the median; “not reached” means that the median is such a seed. In the "
        f"mean, of min(T, B), it counts as B."
    )
    heads = (f"cfid ≤ {plain(getattr(thresholds, name))} ({name})" for name in THRESHOLDS)
    return Table(caption, ("", "seeds", *heads), (("", tuple(rows)),))


def ratios(results: Results) -> Table:
    """Speed-up of every variant over every reference; axes with the same ratio share a row."""
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for new, reference in results.comparison.pairs:
        distinct = summaries.distinct_axes(results, new, reference)
        for axes in distinct:
            found = [results.comparison.row(new, reference, axes[0], t) for t in THRESHOLDS]
            words = "all axes alike" if len(distinct) == 1 else " and ".join(map(summaries.AXIS_WORDS.get, axes))
            cells = tuple(Cell(number(row.ratio), _evidence(row)) for row in found)
            row = (Cell(new), Cell(words), Cell(span([row.n for row in found])), *cells)
            groups.setdefault(f"Speed-up over {reference}", []).append(row)
    caption = (
        "Time to threshold of the reference divided by that of the variant, seed by seed: a ratio of geometric means, "
        "above 1 where the variant needed less. A seed that did not reach the threshold counts as if it had at the "
        "budget (on each axis, the smaller budget of the pair). Below each ratio: its 95 % interval from the exact "
        "sign-flip test, from 6 paired seeds on and uncorrected for their number, and how many seeds of the variant "
        "and of the reference reached the threshold; where none of either did, the ratio is 1 and says nothing."
    )
    head = ("", "axis", "paired seeds", *THRESHOLDS)
    return Table(caption, head, tuple((title, tuple(rows)) for title, rows in groups.items()), texts=2)


def areas(results: Results) -> Table:
    """Ratio of the areas under the cfid curves of a reference and a variant: needs no threshold."""
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for row in results.comparison.area_ratios:
        interval = f"{number(row.low)}–{number(row.high)}" if row.low is not None else NONE
        cells = (Cell(row.new), Cell(str(row.n)), Cell(number(row.ratio)), Cell(interval))
        groups.setdefault(f"Against {row.reference}", []).append(cells)
    caption = (
        "Without a threshold: cfid of the reference divided by that of the variant, a geometric mean over the whole "
        "run with equal weight for every doubling of generator updates, seed by seed; above 1 where the curve of the "
        "variant lies lower. The interval is made as for the speed-ups. A run that diverged keeps the last cfid it had."
    )
    head = ("", "paired seeds", "ratio", "95 % interval")
    return Table(caption, head, tuple((title, tuple(rows)) for title, rows in groups.items()))


def _evidence(row: Row) -> str:
    """The text below a ratio: its interval, if there is one, and how many seeds reached the threshold."""
    interval = f"[{number(row.low)}–{number(row.high)}], " if row.low is not None else ""
    return f"{interval}{row.reached_new}/{row.n}, {row.reached_reference}/{row.n}"


def _variant_row(results: Results, table, variant: str, others: list[str]) -> tuple[Cell, ...]:
    by_metric = {row["metric"]: row for row in table[table["variant"] == variant].to_dict("records")}
    n, diverged = len(results.of(variant)), summaries.n_diverged(results, variant)
    first = Cell(variant, f"{diverged} of {n} diverged" if diverged else "")
    reached = Cell(f"{summaries.reached(results, variant, 'tau')}/{n}")
    middle = Cell(number(by_metric["cfid"]["median"]) if "cfid" in by_metric else NONE)
    return (first, Cell(str(n)), reached, middle, *(_spread(by_metric.get(metric), n) for metric in ["cfid", *others]))


def _spread(row: dict | None, n: int) -> Cell:
    """The mean with ± sd below it, and with its n if that differs from the n of the row."""
    if row is None:
        return Cell(NONE)
    below = [f"± {number(row['sd'], 2)}" if row["n"] > 1 else "", f"n = {row['n']}" if row["n"] != n else ""]
    return Cell(number(row["mean"]), ", ".join(part for part in below if part))


def _calibration_row(table, row: str, others: list[str]) -> tuple[Cell, ...]:
    part = table[table["row"] == row]
    by_metric = dict(zip(part["metric"], part["value"], strict=True))
    values = [Cell(number(by_metric.get(metric))) for metric in ["cfid", *others]]
    return (Cell(row), Cell(span(list(part["n"]))), Cell(""), Cell(""), *values)


def span(counts: list[int]) -> str:
    """The common count, or the lowest and the highest."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
