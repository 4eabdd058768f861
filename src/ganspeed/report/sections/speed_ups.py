"""Speed-ups of every variant over every reference: in a table, as a forest plot, and without a threshold."""

from dataclasses import asdict

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ganspeed.compare import sentence
from ganspeed.compare.comparison import UNIT
from ganspeed.compare.differences import in_short
from ganspeed.compare.rows import Row
from ganspeed.compare.sentence import AXIS_WORDS
from ganspeed.compare.summary import speed_up
from ganspeed.compare.verdict import ENOUGH_REACHED
from ganspeed.params.blocks import Report
from ganspeed.report import style, summaries
from ganspeed.report.blocks import Picture, Section
from ganspeed.report.colours import Look, looks
from ganspeed.report.read import Results
from ganspeed.report.sections.times import SYMBOLS
from ganspeed.report.style import GREY, PAGE_WIDTH
from ganspeed.report.tables import NONE, Cell, Table, span

MARKERS = {"tau25": "^", "tau": "o", "tau75": "s"}
POINTS = ["new", "reference", "axis", "threshold", "ratio", "low", "high", "n", "reached_new", "reached_reference"]


def section(results: Results, settings: Report) -> Section:
    blocks = (ratios(results), areas(results), picture(results)) if results.comparison.pairs else ()
    return Section("Speed-ups", 3, blocks)


def ratios(results: Results) -> Table:
    """Speed-up of every variant over every reference; axes with the same ratio share a row."""
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for new, reference in results.comparison.pairs:
        distinct = summaries.distinct_axes(results, new, reference)
        for axes in distinct:
            found = [results.comparison.row(new, reference, axes[0], t) for t in MARKERS]
            words = "all axes alike" if len(distinct) == 1 else " and ".join(map(AXIS_WORDS.get, axes))
            cells = tuple(Cell(speed_up(row)[0], _evidence(row)) for row in found)
            row = (Cell(new, in_short(found[0].differs)), Cell(words), Cell(span([row.n for row in found])), *cells)
            groups.setdefault(f"Speed-up over {reference}", []).append(row)
    caption = (
        f"Time to threshold of the reference divided by that of the variant, pair by pair: a ratio of geometric means, "
        f"above 1 where the variant needed less. A run that did not reach the threshold counts as if it had at the "
        f"budget (on each axis, the smaller budget of the pair). Below each ratio: its 95 % interval from the exact "
        f"sign-flip test, from 6 pairs on and uncorrected for their number, and how many {UNIT} of the variant and of "
        f"the reference reached the threshold. ≥ and ≤: runs of one arm did not, so that the ratio is only a bound; ~: "
        f"runs of both. Where none of either did, there is no ratio."
    )
    head = ("", "axis", f"paired {UNIT}", *(SYMBOLS[threshold] for threshold in MARKERS))
    return Table(caption, head, tuple((title, tuple(rows)) for title, rows in groups.items()), texts=2)


def areas(results: Results) -> Table:
    """Ratio of the areas under the cfid curves of a reference and a variant: needs no threshold."""
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for row in results.comparison.area_ratios:
        differs = results.comparison.primary(row.new, row.reference).differs
        interval = f"{sentence.number(row.low)}–{sentence.number(row.high)}" if row.low is not None else NONE
        cells = (Cell(row.new, in_short(differs)), Cell(str(row.n)), Cell(sentence.number(row.ratio)), Cell(interval))
        groups.setdefault(f"Against {row.reference}", []).append(cells)
    caption = (
        "Without a threshold: cfid of the reference divided by that of the variant, a geometric mean over the whole "
        "run with equal weight for every doubling of generator updates, pair by pair; above 1 where the curve of the "
        "variant lies lower. The interval is made as for the speed-ups. A run that diverged keeps the last cfid it had."
    )
    head = ("", f"paired {UNIT}", "ratio", "95 % interval")
    return Table(caption, head, tuple((title, tuple(rows)) for title, rows in groups.items()))


def _evidence(row: Row) -> str:
    """The text below a ratio: its interval, if there is one, and how many seeds reached the threshold."""
    _, interval = speed_up(row)
    return f"{f'[{interval}], ' if interval else ''}{row.reached_new}/{row.n}, {row.reached_reference}/{row.n}"


def picture(results: Results) -> Picture:
    comparison = results.comparison
    caption = (
        f"Speed-ups on {results.dataset} at three thresholds (τ25 the easiest) on every axis that differs for a pair; "
        f"right of 1 the first-named variant needed less. Bars: 95 % intervals by inverting the exact sign-flip test "
        f"({span([row.n for row in comparison.comparisons])} paired {UNIT}; none below 6), uncorrected. Hollow: an arm "
        f"reached the threshold in fewer than 90 % of the {UNIT}, so that the budget decides. No mark: neither arm "
        f"ever reached it."
    )
    rows = [comparison.primary(*pair) for pair in comparison.pairs]
    found = ", ".join(f"{row.new} over {row.reference} {_spoken(row)}" for row in rows)
    points = pd.DataFrame([asdict(row) for row in comparison.comparisons if row.threshold in MARKERS])[POINTS]
    alt = f"Speed-ups at τ in {AXIS_WORDS[comparison.axis]}: {found}."
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_speedups", caption, alt, lambda: forest(results, styles), points)


def _spoken(row: Row) -> str:
    ratio, interval = speed_up(row)
    return f"{ratio} [{interval}]" if interval else ratio


def forest(results: Results, styles: dict[str, Look]) -> Figure:
    """Speed-ups of every pair at three thresholds, a panel for each axis that differs for some pair."""
    pairs = results.comparison.pairs
    shown = [
        axis
        for axis in summaries.axes(results)
        if any(results.comparison.row(*pair, axis, "tau").same_as is None for pair in pairs)
    ]
    with rc_context(style.STYLE):
        figure = Figure(figsize=(PAGE_WIDTH, 0.62 * len(pairs) + 1.35), layout="constrained")
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for ax, axis in zip(panels, shown, strict=True):
            for place, pair in enumerate(pairs):
                _speed_ups(ax, place, [results.comparison.row(*pair, axis, t) for t in MARKERS], styles)
            ax.axvline(1, color="0.3", linewidth=0.9, zorder=1)
            ax.set(xscale="log", title=_axis_title(results, axis, pairs), ylim=(len(pairs) - 0.45, -0.55))
            _ratio_ticks(ax)
            ax.grid(visible=False, axis="y")
            for place in range(1, len(pairs)):
                ax.axhline(place - 0.5, color="0.9", linewidth=0.7)
            ax.tick_params(axis="y", length=0)
        panels[0].set_yticks(range(len(pairs)), [f"{new}\nover {reference}" for new, reference in pairs])
        mark = {"color": "0.35", "linestyle": "none"}
        handles = [Line2D([], [], marker=marker, label=SYMBOLS[t], **mark) for t, marker in MARKERS.items()]
        hollow = Line2D([], [], marker="o", markerfacecolor="white", label="reached by fewer than 90 %", **mark)
        figure.supxlabel("speed-up", fontsize=10)
        figure.legend(handles=[*handles, hollow], loc="outside upper center", ncols=4, frameon=False)
    return figure


def _axis_title(results: Results, axis: str, pairs: list[tuple[str, str]]) -> str:
    """The title of an axis, with those that coincide with it for every pair: critic updates and images."""

    def groups(name: str) -> list[str]:
        return [results.comparison.row(*pair, name, "tau").same_as or name for pair in pairs]

    twins = [name for name in summaries.axes(results) if groups(name) == groups(axis)]
    return " and ".join(AXIS_WORDS[name] for name in twins)


def _speed_ups(ax: Axes, place: int, rows: list[Row], styles: dict[str, Look]) -> None:
    """Draw one pair on one axis: three markers with their intervals, one below the other."""
    if rows[0].same_as is not None:
        words = f"as in {AXIS_WORDS[rows[0].same_as]}"
        ax.annotate(words, (0.5, place), xycoords=("axes fraction", "data"), ha="center", va="center", color=GREY,
                    fontsize=8.5, backgroundcolor="white")  # fmt: skip
        return
    for offset, row in zip((-0.25, 0, 0.25), rows, strict=True):
        if row.reached_new + row.reached_reference == 0:
            continue
        colour, height = styles[row.new].colour, place + offset
        if row.low is not None:
            ax.plot([row.low, row.high], [height, height], color=colour, linewidth=1.6, zorder=2)
        enough = min(row.reached_new, row.reached_reference) >= ENOUGH_REACHED * row.n
        ax.plot([row.ratio], [height], marker=MARKERS[row.threshold], markersize=6.5, color=colour,
                markerfacecolor=colour if enough else "white", markeredgewidth=1.4, zorder=3)  # fmt: skip


def _ratio_ticks(ax: Axes) -> None:
    """Plain numbers on a logarithmic axis of ratios, with some on either side of 1 for any range."""
    low, high = ax.get_xlim()
    reach = max(1.3, 1 / min(low, 1), high)
    ax.set_xlim(min(low, 1 / 1.3), max(high, 1.3))
    steps = (1, 1.2, 1.5, 2, 3, 5, 7, 8) if reach < 2 else (1, 2, 5) if reach < 15 else (1,)
    style.plain_ticks(ax.xaxis, (1,))
    ax.xaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    ax.xaxis.set_minor_locator(NullLocator())
