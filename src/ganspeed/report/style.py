"""The style of the figures: thin lines or a band for seeds, bold lines for medians, reference lines, legends.

Frames have one row per point with the columns variant, seed, the x axis and `value`. Nothing here uses pyplot, so that
figures leave no global state.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ganspeed.report.colours import Look

PAGE_WIDTH = 9.6  # inches, the text width of the page
LEGEND_ROW = 0.19  # inches
STYLE = {
    **sns.axes_style("ticks"),
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same glyphs on every machine
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "legend.fontsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "0.3",
    "axes.grid": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.7,
}
GREY = "0.45"
MOST_VARIANTS = 10  # whose curves one panel shows


@dataclass(frozen=True)
class Level:
    """A horizontal reference line: a threshold or a calibration row."""

    label: str
    value: float


def groups(styles: dict[str, Look]) -> list[dict[str, Look]]:
    """The variants in groups of at most MOST_VARIANTS, as even as possible: each group has panels of its own."""
    names = list(styles)
    size = math.ceil(len(names) / math.ceil(len(names) / MOST_VARIANTS))
    return [{name: styles[name] for name in names[i : i + size]} for i in range(0, len(names), size)]


def by_group(
    styles: dict[str, Look], height: float, draw: Callable[[FigureBase, dict[str, Look]], None], diverged: bool = False
) -> Figure:
    """A figure that `draw` has drawn once for each group of variants, one below the other, each with its legend.

    height: of one group without its legend, in inches; diverged: whether the legend explains crosses.
    """
    parts = groups(styles)
    handles = [_legend_handles(part, diverged) for part in parts]
    heights = [height + LEGEND_ROW * math.ceil(len(items) / _legend_columns(items)) for items in handles]
    figure = Figure(figsize=(PAGE_WIDTH, sum(heights)), layout="constrained")
    below = figure.subfigures(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, place, items in zip(parts, below, handles, strict=True):
        draw(place, part)
        columns = _legend_columns(items)
        place.legend(handles=items, loc="outside upper center", ncols=columns, frameon=False, handlelength=3.2)
    return figure


def new_panels(n: int, columns: int, row: float, margin: float, **shared: bool) -> tuple[Figure, list[Axes]]:
    """A figure of n panels; row: height of a row, margin: height of all else, in inches; shared: sharex, sharey."""
    figure = Figure(figsize=(PAGE_WIDTH, row * math.ceil(n / columns) + margin), layout="constrained")
    return figure, panels_in(figure, n, columns, **shared)


def panels_in(place: FigureBase, n: int, columns: int, **shared: bool) -> list[Axes]:
    """n panels in rows of so many columns; shared: sharex, sharey."""
    panels = place.subplots(math.ceil(n / columns), columns, squeeze=False, **shared).flatten()
    for ax in panels[n:]:
        ax.remove()
    return list(panels[:n])


def median_curve(points: pd.DataFrame, x: str, seeds: Sequence[int], stopped: float | None) -> pd.Series:
    """Median over all `seeds` at every x, with the value `stopped` for runs that have stopped (infinite: the worst).

    Infinite medians are left out. If `stopped` is None, the median is over the runs that have not stopped.
    """
    median = _by_seed(points, x, seeds, stopped).median(axis=1)
    return median[np.isfinite(median)]


def _by_seed(points: pd.DataFrame, x: str, seeds: Sequence[int], stopped: float | None) -> pd.DataFrame:
    """x × seed, with `stopped`, unless it is None, where a run has no value."""
    table = points.pivot(index=x, columns="seed", values="value").reindex(columns=list(seeds))
    return table if stopped is None else table.fillna(stopped)


def is_band(variants: Collection[str]) -> bool:
    """Whether `curves` shall draw a band for each variant of a figure: no page has room for each run of so many."""
    return len(variants) > MOST_VARIANTS


def spread_in_words(variants: Collection[str], seeds: str) -> str:
    """What a figure of these variants shows beside their medians: `8 seeds thin`."""
    return f"first to third quartile of {seeds} shaded" if is_band(variants) else f"{seeds} thin"


def draw_seeds(
    ax: Axes, points: pd.DataFrame, x: str, colour: str, seeds: Sequence[int], stopped: float | None, band: bool
) -> None:
    """Draw a thin line per seed of one variant or, as a band, the range from the first quartile to the third."""
    if not band:
        for _, run in points.groupby("seed"):
            ax.plot(run[x], run.value, color=colour, linewidth=0.8, alpha=0.35)
        return
    by_seed = _by_seed(points, x, seeds, stopped)
    quartiles = by_seed.quantile([0.25, 0.75], axis=1, interpolation="nearest").T  # none between infinities
    quartiles = quartiles[np.isfinite(quartiles).all(axis=1)]
    ax.fill_between(quartiles.index, quartiles[0.25], quartiles[0.75], color=colour, alpha=0.15, lw=0)


def curves(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    styles: dict[str, Look],
    seeds: Sequence[int],
    stopped: float | None,
    band: bool = False,
) -> None:
    """Draw a bold median for each variant of `frame` (variant, seed, x, value), and its seeds as `draw_seeds` does.

    stopped: as in `median_curve`.
    """
    for variant, look in styles.items():
        points = frame[(frame.variant == variant) & frame.value.notna()]
        if points.empty:
            continue
        draw_seeds(ax, points, x, look.colour, seeds, stopped, band)
        median = median_curve(points, x, seeds, stopped)
        ax.plot(median.index, median, **look.line(linewidth=2.2, label=variant))


def crosses(ax: Axes, diverged: pd.DataFrame, x: str, styles: dict[str, Look]) -> None:
    """Mark the points at which runs diverged. diverged: variant, seed, x, value."""
    for row in diverged.itertuples():
        ax.plot([getattr(row, x)], [row.value], color=styles[row.variant].colour, marker="X", markersize=9,
                markeredgecolor="black", linestyle="none", zorder=5)  # fmt: skip


def level(ax: Axes, line: Level) -> None:
    """Draw a horizontal line without its label."""
    ax.axhline(line.value, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)


def labelled_levels(ax: Axes, lines: Sequence[Level]) -> None:
    """Draw horizontal lines over a logarithmic y axis, labelled at the right edge without overlap."""
    low, high = (math.log(limit) for limit in ax.get_ylim())
    previous = -math.inf
    for line in sorted(lines, key=lambda line: line.value):
        level(ax, line)
        place = max((math.log(line.value) - low) / (high - low), previous + 0.05)
        previous = place
        ax.annotate(f"{line.label} {line.value:.3g}", (1.01, place), xycoords="axes fraction", va="center",
                    color="0.25", fontsize=9)  # fmt: skip


def plain_ticks(axis: Axis, steps: tuple[int, ...]) -> None:
    """Label a logarithmic axis with numbers rather than powers of ten."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(plain_number))
    axis.set_minor_formatter(NullFormatter())


def plain_number(value: float, _position: int | None = None) -> str:
    return f"{value:,.10g}".replace("-", "−")


def _legend_handles(styles: dict[str, Look], diverged: bool) -> list[Line2D]:
    handles = [Line2D([], [], **look.line(linewidth=2.2, label=variant)) for variant, look in styles.items()]
    if diverged:
        handles.append(Line2D([], [], color="0.6", marker="X", markersize=9, markeredgecolor="black",
                              linestyle="none", label="run diverged"))  # fmt: skip
    return handles


def _legend_columns(handles: list[Line2D]) -> int:
    """As many as fit side by side."""
    widest = 0.75 + 0.08 * max(len(handle.get_label()) for handle in handles)  # inches: the line and the text
    return max(1, min(len(handles), int(PAGE_WIDTH / widest)))
