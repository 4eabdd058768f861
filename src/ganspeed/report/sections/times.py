"""Time to threshold: in a table, as the share of runs that have arrived, and run by run."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import NullFormatter

from ganspeed.compare.comparison import UNIT, Comparison
from ganspeed.params.blocks import Report
from ganspeed.report import style, summaries
from ganspeed.report.blocks import Picture, Section
from ganspeed.report.colours import Look, looks
from ganspeed.report.read import Results
from ganspeed.report.sections.curves import AXIS_LABELS
from ganspeed.report.style import GREY
from ganspeed.report.tables import Cell, Table, number, plain, span
from ganspeed.report.words import units

SYMBOLS = {"tau25": "τ25", "tau": "τ", "tau75": "τ75"}
PANELS_PER_ROW = 5


def section(results: Results, settings: Report) -> Section:
    pictures = [arrivals_picture(results), *([slopes_picture(results)] if results.comparison.pairs else [])]
    return Section("Time to threshold", 3, (table(results), *pictures))


def table(results: Results) -> Table:
    """Median updates to each threshold, with the number of seeds that reached it."""
    thresholds = results.comparison.thresholds
    rows = []
    for variant in results.variants:
        n = len(results.of(variant))
        row = [Cell(variant, summaries.other_than_reference(results.comparison, variant)), Cell(str(n))]
        for name in SYMBOLS:
            median = summaries.median_time(results, variant, name)
            mean = number(summaries.restricted_mean(results, variant, name))
            reached = f"{summaries.reached(results, variant, name)}/{n}, mean {mean}"
            row.append(Cell(plain(median) if median is not None else "not reached", reached))
        rows.append(tuple(row))
    caption = (
        f"Generator updates until cfid first stays at or below a threshold: median over {UNIT}, and how many of "
        f"them reached the threshold within the budget B of {plain(thresholds.budget)} updates. A run that did "
        f"not counts as infinitely late in the median; “not reached” means that the median is such a run. In the "
        f"mean, of min(T, B), it counts as B."
    )
    heads = (f"cfid ≤ {plain(getattr(thresholds, name))} ({SYMBOLS[name]})" for name in SYMBOLS)
    return Table(caption, ("", UNIT, *heads), (("", tuple(rows)),))


def arrivals_picture(results: Results) -> Picture:
    comparison = results.comparison
    caption = (
        f"Share of runs on {results.dataset} that had reached a threshold by a generator update "
        f"({units(len(results.seeds))} per variant), up to the budget of {plain(comparison.thresholds.budget)} updates "
        f"(dotted)."
    )
    rows = [time for name in SYMBOLS for variant in results.variants for time in comparison.times_of(variant, name)]
    points = pd.DataFrame([(r.variant, r.seed, r.threshold, r.time, r.reached) for r in rows])
    points.columns = ["variant", "seed", "threshold", "updates", "reached"]
    counts = points.groupby(["threshold", "variant"], sort=False)["reached"].agg(["sum", "count"])
    found = {key: f"{row.sum}/{row.count}" for key, row in zip(counts.index, counts.itertuples(), strict=True)}
    by_threshold = (
        f"{symbol}: " + ", ".join(f"{variant} {found[name, variant]}" for variant in results.variants)
        for name, symbol in SYMBOLS.items()
    )
    alt = f"How many runs reached a threshold within the budget. {'; '.join(by_threshold)}."
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_arrivals", caption, alt, lambda: arrivals(results, styles), points)


def arrivals(results: Results, styles: dict[str, Look]) -> Figure:
    """Cumulative share of runs that have reached each threshold, over generator updates up to the budget."""
    thresholds = results.comparison.thresholds
    first = min((time.time for time in results.comparison.times if time.axis == "updates"), default=1)

    def draw(place: FigureBase, part: dict[str, Look]) -> None:
        panels = place.subplots(1, len(SYMBOLS), sharey=True, sharex=True)
        for ax, (name, symbol) in zip(panels, SYMBOLS.items(), strict=True):
            for variant, look in part.items():
                times_of = results.comparison.times_of(variant, name)
                reached = sorted(time.time for time in times_of if time.reached)
                shares = [(i + 1) / len(times_of) for i in range(len(reached))]
                last = shares[-1] if shares else 0
                times = [1, *reached, thresholds.budget]
                ax.step(times, [0, *shares, last], where="post", **look.line(linewidth=1.9))
            ax.axvline(thresholds.budget, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)))
            ax.set(xscale="log", title=f"cfid ≤ {getattr(thresholds, name):g} ({symbol})", ylim=(-0.03, 1.04))
            ax.set_xlim(max(1, first / 1.3), thresholds.budget * 1.12)
            style.plain_ticks(ax.xaxis, (1, 2, 5))
        panels[0].set_ylabel("share of runs")
        panels[1].set_xlabel(AXIS_LABELS["updates"])

    with rc_context(style.STYLE):
        return style.by_group(styles, 3.1, draw)


def slopes_picture(results: Results) -> Picture:
    comparison, pairs = results.comparison, shown_pairs(results.comparison)
    counts = span([comparison.primary(*pair).n for pair in pairs])
    caption = (
        f"Time to τ on {results.dataset}{' for every planned pair' if comparison.planned else ''}, pair by pair: each "
        f"line joins the two runs of one seed ({counts} paired {UNIT}), reference left, the other right. Downward: the "
        f"other needed less. Hollow: not reached, drawn at the budget."
    )
    joined = [(pair, times) for pair in pairs for times in summaries.paired_times(results, *pair, comparison.axis)]
    points = pd.DataFrame(
        [(*pair, left.seed, left.time, left.reached, right.time, right.reached) for pair, (left, right) in joined]
    )
    points.columns = ["new", "reference", "seed", "time_reference", "reached_reference", "time_new", "reached_new"]
    rows = (comparison.primary(*pair) for pair in pairs)
    means = {f"{row.reference} to {row.new}": f"{number(row.rmst_reference)} to {number(row.rmst_new)}" for row in rows}
    alt = f"Mean of min(T, B) at τ: {', '.join(f'{names} {times}' for names, times in means.items())}."
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_slopes", caption, alt, lambda: slopes(results, styles), points)


def shown_pairs(comparison: Comparison) -> list[tuple[str, str]]:
    """The planned pairs or, without a plan, all of them."""
    return [(row.new, row.reference) for row in comparison.planned] or comparison.pairs


def slopes(results: Results, styles: dict[str, Look]) -> Figure:
    """Time to tau on the primary axis: a panel per planned pair, or per pair without a plan, and a line per seed."""
    comparison = results.comparison
    pairs = shown_pairs(comparison)
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
