"""The report's figures, drawn from tidy tables with the columns variant, seed, value and the x axis."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from PIL import Image

from ganspeed.compare.sentence import AXIS_WORDS
from ganspeed.report import style
from ganspeed.report.style import PAGE_WIDTH, Level, Look
from ganspeed.training.sample_grids import crop_corner

WIDE_LOSS = 20  # beyond it a panel of losses is logarithmic
SMALL_PICTURE = 100  # pixels; up to this width pictures are drawn without interpolation
AXIS_LABELS = AXIS_WORDS | {"images": "real images seen by the critic"}


def score_curves(
    scores: pd.DataFrame,
    diverged: pd.DataFrame,
    lines: Sequence[Level],
    styles: dict[str, Look],
    seeds: Sequence[int],
    axes: Sequence[str],
) -> Figure:
    """cfid against one panel per axis, both logarithmic, hence without update 0.

    scores and diverged: variant, seed, value, and a column for every axis.
    """
    with rc_context(style.STYLE):
        figure = Figure(figsize=(PAGE_WIDTH, 5.4 if len(axes) == 1 else 4.4), layout="constrained")
        panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
        for ax, axis in zip(panels, axes, strict=True):
            style.curves(ax, scores[scores[axis] > 0], axis, styles, seeds, math.inf)
            style.crosses(ax, diverged, axis, styles)
            ax.set(xscale="log", yscale="log", xlabel=AXIS_LABELS[axis])
            style.plain_ticks(ax.xaxis, (1, 2, 5) if len(axes) == 1 else (1,))
            style.plain_ticks(ax.yaxis, (1, 2, 5))
        reach = [line.value for line in lines] + list(scores["value"])
        panels[0].set(ylabel="cfid (lower is better)", ylim=(min(reach) / 1.25, max(reach) * 1.25))
        style.labelled_levels(panels[-1], lines)
        for ax in panels[:-1]:
            for line in lines:
                style.level(ax, line)
        style.shared_legend(figure, styles, diverged=not diverged.empty)
    return figure


def metric_panels(
    scores: pd.DataFrame, lines: dict[str, Sequence[Level]], styles: dict[str, Look], seeds, worst: dict[str, float]
) -> Figure:
    """One panel per metric of `worst` against updates; `worst` is the value, ±infinity, of a run that has stopped."""
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(worst), 4, row=2.25, margin=0.35)
        for ax, (metric, stopped) in zip(panels, worst.items(), strict=True):
            points = scores[(scores["metric"] == metric) & (scores["updates"] > 0)]
            style.curves(ax, points, "updates", styles, seeds, stopped)
            ax.set_xscale("log")
            for line in lines[metric]:
                style.level(ax, line)
            style.plain_ticks(ax.xaxis, (1,))
            ax.set(title=f"{metric} {'↓' if stopped > 0 else '↑'}")
        figure.supxlabel(AXIS_LABELS["updates"], fontsize=10)
        style.shared_legend(figure, styles)
    return figure


def traces(history: pd.DataFrame, columns: dict[str, str], styles: dict[str, Look], seeds: Sequence[int]) -> Figure:
    """One panel per column of the history (column → title) against updates."""
    logged = history.dropna(subset=list(columns), how="all")["variant"].unique()
    styles = {variant: look for variant, look in styles.items() if variant in logged}
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(columns), 2, row=2.5, margin=0.35, sharex=True)
        for ax, (column, title) in zip(panels, columns.items(), strict=True):
            style.curves(ax, history.rename(columns={column: "value"}), "update", styles, seeds, None)
            if ax.dataLim.ymin >= 0 and ax.dataLim.ymax <= 1:
                ax.set_ylim(-0.02, 1.02)  # shares and weights: always 0 to 1, so that noise does not fill the panel
            ax.set_title(title)
        figure.supxlabel(AXIS_LABELS["updates"], fontsize=10)
        style.shared_legend(figure, styles)
    return figure


def losses(history: pd.DataFrame, styles: dict[str, Look], seeds: Sequence[int]) -> Figure:
    """A panel per variant with both players' losses, each on its own scale: they do not compare across variants."""
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(styles), 3, row=2.2, margin=0.35, sharex=True)
        players = {"d_loss": "-", "g_loss": (0, (1.5, 1.2))}
        for ax, (variant, look) in zip(panels, styles.items(), strict=True):
            points = history[history["variant"] == variant]
            for column, dashes in players.items():
                colour = look.colour if column == "d_loss" else "0.35"
                runs = points.rename(columns={column: "value"}).dropna(subset="value")
                for _, run in runs.groupby("seed"):
                    ax.plot(run["update"], run["value"], color=colour, linewidth=0.5, alpha=0.3)
                median = style.median_curve(runs, "update", seeds, None)
                ax.plot(median.index, median, color=colour, linestyle=dashes, linewidth=1.8)
            if points[list(players)].abs().max(axis=None) > WIDE_LOSS:
                ax.set_yscale("symlog", linthresh=1)
                ax.yaxis.set_major_formatter(FuncFormatter(style.plain_number))
            ax.set_title(variant)
        figure.supxlabel(AXIS_LABELS["updates"], fontsize=10)
        handles = [Line2D([], [], color="0.35", linestyle=d, linewidth=1.8) for d in players.values()]
        figure.legend(handles, ["critic (in the variant's colour)", "generator"], loc="outside upper center", ncols=2,
                      frameon=False)  # fmt: skip
    return figure


def sample_grids(pictures: dict[str, dict[int, Path]], moments: Sequence[int]) -> Figure:
    """Corners of sample grids: a row per variant, a column per moment, empty if the run had diverged by then.

    pictures: variant → update → file, 8 x 8 images each, of which the first four of some rows are shown.
    """
    corners = {variant: {m: _corner(files[m]) for m in moments if m in files} for variant, files in pictures.items()}
    height, width = next(corner for row in corners.values() for corner in row.values()).shape[:2]
    interpolation = "nearest" if width <= SMALL_PICTURE else "antialiased"
    with rc_context(style.STYLE):
        cell = min(1.6, (PAGE_WIDTH - 1.5) / len(moments)) * height / width
        figure = Figure(figsize=(PAGE_WIDTH, cell * len(pictures) + 0.3), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
        panels = figure.subplots(len(pictures), len(moments), squeeze=False)
        for row, (variant, shown) in zip(panels, corners.items(), strict=True):
            row[0].set_ylabel(variant, rotation=0, ha="right", va="center", labelpad=8)
            for ax, moment in zip(row, moments, strict=True):
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
                if moment in shown:
                    ax.imshow(shown[moment], cmap="gray", vmin=0, vmax=255, interpolation=interpolation)
                else:
                    ax.text(0.5, 0.5, "diverged", ha="center", va="center", color="0.4", transform=ax.transAxes)
        for ax, moment in zip(panels[0], moments, strict=True):
            ax.set_title(f"update {moment:,}")
    return figure


def _corner(path: Path) -> np.ndarray:
    """The first four images of the first four rows; in colour, which takes far more bytes, of the first two rows."""
    with Image.open(path) as picture:
        rows = 4 if picture.mode == "L" else 2
    return crop_corner(path, rows, columns=4)
