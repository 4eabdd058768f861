"""The figures of speed: forest plot of speed-ups, share of runs that reached a threshold, paired times."""

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from ganspeed.compare.rows import Row
from ganspeed.compare.verdict import ENOUGH_REACHED
from ganspeed.report import style, summaries
from ganspeed.report.plots import AXIS_LABELS
from ganspeed.report.read import Results
from ganspeed.report.style import GREY, PAGE_WIDTH, Look

MARKERS = {"tau25": "^", "tau": "o", "tau75": "s"}
SYMBOLS = {"tau25": "τ25", "tau": "τ", "tau75": "τ75"}
PANELS_PER_ROW = 5


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
    return " and ".join(summaries.AXIS_WORDS[name] for name in twins)


def _speed_ups(ax: Axes, place: int, rows: list[Row], styles: dict[str, Look]) -> None:
    """Draw one pair on one axis: three markers with their intervals, one below the other."""
    if rows[0].same_as is not None:
        words = f"as in {summaries.AXIS_WORDS[rows[0].same_as]}"
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


def arrivals(results: Results, styles: dict[str, Look]) -> Figure:
    """Cumulative share of runs that have reached each threshold, over generator updates up to the budget."""
    thresholds = results.comparison.thresholds
    with rc_context(style.STYLE):
        figure = Figure(figsize=(PAGE_WIDTH, 3.3), layout="constrained")
        panels = figure.subplots(1, len(MARKERS), sharey=True, sharex=True)
        for ax, name in zip(panels, MARKERS, strict=True):
            for variant, look in styles.items():
                times_of = results.comparison.times_of(variant, name)
                reached = sorted(time.time for time in times_of if time.reached)
                shares = [(i + 1) / len(times_of) for i in range(len(reached))]
                last = shares[-1] if shares else 0
                times = [1, *reached, thresholds.budget]
                ax.step(times, [0, *shares, last], where="post", **look.line(linewidth=1.9))
            ax.axvline(thresholds.budget, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)))
            first = min((time.time for time in results.comparison.times if time.axis == "updates"), default=1)
            ax.set(xscale="log", title=f"cfid ≤ {getattr(thresholds, name):g} ({SYMBOLS[name]})", ylim=(-0.03, 1.04))
            ax.set_xlim(max(1, first / 1.3), thresholds.budget * 1.12)
            style.plain_ticks(ax.xaxis, (1, 2, 5))
        panels[0].set_ylabel("share of runs")
        panels[1].set_xlabel(AXIS_LABELS["updates"])
        style.shared_legend(figure, styles)
    return figure


def slopes(results: Results, styles: dict[str, Look]) -> Figure:
    """Time to tau on the primary axis: a panel per planned pair, or per pair without a plan, and a line per seed."""
    comparison = results.comparison
    pairs = [(row.new, row.reference) for row in comparison.planned] or comparison.pairs
    columns = min(PANELS_PER_ROW, max(3, len(pairs)))
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(pairs), columns, row=2.45, margin=0.2, sharey=True)
        for ax, (new, reference) in zip(panels, pairs, strict=True):
            for left, right in summaries.paired_times(results, new, reference, comparison.axis):
                ax.plot([0, 1], [left.time, right.time], color="0.4", linewidth=1.1, alpha=0.55, zorder=2)
                for x, (variant, end) in enumerate(((reference, left), (new, right))):
                    colour = styles[variant].colour
                    ax.plot([x], [end.time], marker="o", markersize=5.5, color=colour, zorder=3,
                            markerfacecolor=colour if end.reached else "white")  # fmt: skip
            ax.set(xlim=(-0.25, 1.25), yscale="log")
            ax.set_xticks([])
            ax.set_title(f"{reference}\n→ {new}", fontsize=8.5)
            ax.grid(visible=False, axis="x")
            style.plain_ticks(ax.yaxis, (1, 2, 5))
            ax.yaxis.set_minor_formatter(NullFormatter())
        figure.supylabel(f"{AXIS_LABELS[comparison.axis]} to τ", fontsize=10)
    return figure
