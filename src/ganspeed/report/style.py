"""The style of the figures: a look per variant, thin lines for seeds, bold ones for medians, reference lines.

Frames have one row per point with the columns variant, seed, the x axis and `value`. Nothing here uses pyplot, so that
figures leave no global state; `save` writes the same bytes for the same figure, drawn again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from ganspeed.system.files import write_atomically

PAGE_WIDTH = 9.6  # inches, the text width of the page
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
DASHES = ((), (5, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5), (3, 1.2), (8, 2, 1.2, 2, 1.2, 2), (2, 2.6))
GREY = "0.45"
COLOURS = (0, 1, 2, 3, 4, 9, 7, 5, 8, 6)  # indices into seaborn's colour-blind palette, those that differ most first


@dataclass(frozen=True)
class Look:
    """The colour and dashes of a variant in every figure."""

    colour: tuple[float, float, float]
    dashes: tuple[float, ...]

    def line(self, **options) -> dict:
        style = (0, self.dashes) if self.dashes else "-"
        return {"color": self.colour, "linestyle": style, **options}


@dataclass(frozen=True)
class Level:
    """A horizontal reference line: a threshold or a calibration row."""

    label: str
    value: float


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """Variant → look by its position in params.compare.variants; colour-blind-safe, in grey distinguished by dashes."""
    palette = sns.color_palette("colorblind", 10)
    return {v: Look(tuple(palette[COLOURS[i % 10]]), DASHES[i % len(DASHES)]) for i, v in enumerate(variants)}


def new_panels(n: int, columns: int, row: float, margin: float, **shared: bool) -> tuple[Figure, list[Axes]]:
    """A figure of n panels; row: height of a row, margin: height of all else, in inches; shared: sharex, sharey."""
    rows = math.ceil(n / columns)
    figure = Figure(figsize=(PAGE_WIDTH, row * rows + margin), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, **shared).flatten()
    for ax in panels[n:]:
        ax.remove()
    return figure, list(panels[:n])


def median_curve(points: pd.DataFrame, x: str, seeds: Sequence[int], stopped: float | None) -> pd.Series:
    """Median over all `seeds` at every x, with the value `stopped` for runs that have stopped (infinite: the worst).

    Infinite medians are left out. If `stopped` is None, the median is over the runs that have not stopped.
    """
    table = points.pivot(index=x, columns="seed", values="value").reindex(columns=list(seeds))
    if stopped is not None:
        table = table.fillna(stopped)
    median = table.median(axis=1)
    return median[np.isfinite(median)]


def curves(ax: Axes, frame: pd.DataFrame, x: str, styles: dict[str, Look], seeds, stopped: float | None) -> None:
    """Draw a thin line per seed and a bold median for each variant of `frame` (variant, seed, x, value)."""
    for variant, look in styles.items():
        points = frame[(frame["variant"] == variant) & frame["value"].notna()]
        if points.empty:
            continue
        for _, run in points.groupby("seed"):
            ax.plot(run[x], run["value"], color=look.colour, linewidth=0.8, alpha=0.35)
        median = median_curve(points, x, seeds, stopped)
        ax.plot(median.index, median, **look.line(linewidth=2.2, label=variant))


def crosses(ax: Axes, diverged: pd.DataFrame, x: str, styles: dict[str, Look]) -> None:
    """Mark the points at which runs diverged. diverged: variant, seed, x, value."""
    for row in diverged.to_dict("records"):
        ax.plot([row[x]], [row["value"]], color=styles[row["variant"]].colour, marker="X", markersize=9,
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


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a PNG with a palette of 256 colours and no metadata: a third of the size, the same bytes every time.

    The palette is chosen by maximum coverage: one by frequency gives a thin line the colour of a thicker one.
    """
    figure.set(dpi=dpi, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; savefig would draw it twice
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    write_atomically(path, lambda temporary: image.save(temporary, format="PNG", optimize=True))


def plain_ticks(axis: Axis, steps: tuple[int, ...]) -> None:
    """Label a logarithmic axis with numbers rather than powers of ten."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(plain_number))
    axis.set_minor_formatter(NullFormatter())


def plain_number(value: float, _position: int | None = None) -> str:
    return f"{value:,.10g}".replace("-", "−")


def shared_legend(figure: Figure, styles: dict[str, Look], diverged: bool = False) -> None:
    """Draw a legend of the variants above the panels, in as many columns as fit."""
    handles = [Line2D([], [], **look.line(linewidth=2.2, label=variant)) for variant, look in styles.items()]
    if diverged:
        handles.append(Line2D([], [], color="0.6", marker="X", markersize=9, markeredgecolor="black",
                              linestyle="none", label="run diverged"))  # fmt: skip
    widest = 0.75 + 0.08 * max(len(handle.get_label()) for handle in handles)  # inches: the line and the text
    columns = max(1, min(len(handles), int(figure.get_figwidth() / widest)))
    rows = math.ceil(len(handles) / columns)
    figure.set_figheight(figure.get_figheight() + 0.19 * (rows - 1))  # so that a long legend does not shrink the panels
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False, handlelength=3.2)
