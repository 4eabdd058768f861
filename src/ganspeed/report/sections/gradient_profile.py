"""The discriminator's gradient norm between generated and real samples, early, halfway and at the end of training."""

from collections.abc import Sequence, Set

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ganspeed.params.objectives import objective_declarations
from ganspeed.report import style
from ganspeed.report.blocks import Picture
from ganspeed.report.colours import Look, looks
from ganspeed.report.read import Results, where
from ganspeed.report.style import Level
from ganspeed.report.words import units, values

PREFIX = "diagnostics/profile_"  # followed by the weight of the real sample
MOMENTS = {"early": 0.05, "halfway": 0.5, "end": 1.0}  # fractions of the training's updates
DASHES = ((0, (1.2, 1.2)), (0, (5, 1.5)), "-")
SHADES = (0.55, 0.75, 1.0)
WIDE_RANGE = 30  # an axis whose limits have a higher ratio has labels at powers of ten only


def picture(results: Results) -> Picture:
    history, seeds = results.history, results.seeds
    caption = (
        f"Norm of the critic’s input gradient on the way from generated (0) to real samples (1) on {results.dataset}, "
        f"at the first samples of the batch of an update’s last critic step, for every variant alike, penalised or not "
        f"({units(len(seeds))} thin, median of the runs still going bold). Variants that penalise a gradient share one "
        f"logarithmic scale, any other has its own. "
        f"Dotted: 1, to compare by; whether a penalty pulls the norm to 1, to 0 or elsewhere depends on the variant."
    )
    shown = history[history["update"].isin(moments(history))]
    names, end = columns(history), where(history, update=moments(history)[-1])
    medians = end.groupby("variant")[list(names)].median()
    found = (f"at {weight:g} {values(medians[column].reindex(results.variants))}" for column, weight in names.items())
    alt = f"Median gradient norms at the end of training, by the weight of the real sample: {'; '.join(found)}."
    declared = {run.variant: objective_declarations(run.record.objective) for run in results.runs}
    penalised = {variant for variant, objective in declared.items() if objective.penalises_gradient}
    points, styles = shown[["variant", "seed", "update", *names]], looks(results.variants)
    return Picture(
        f"{results.dataset}_profile", caption, alt, lambda: profiles(history, styles, seeds, penalised), points
    )


def columns(history: pd.DataFrame) -> dict[str, float]:
    """Column → weight of the real sample, in ascending order; empty if the runs logged no profile."""
    logged = history.dropna(how="all", axis="columns")  # a run that diverged at once has columns but no rows
    found = {column: float(column.removeprefix(PREFIX)) for column in logged if column.startswith(PREFIX)}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def moments(history: pd.DataFrame) -> list[int]:
    """The updates with a logged profile that are nearest to MOMENTS."""
    logged = np.unique(history.dropna(subset=list(columns(history)), how="all")["update"])
    return [int(logged[np.abs(logged - share * logged[-1]).argmin()]) for share in MOMENTS.values()]


def profiles(history: pd.DataFrame, styles: dict[str, Look], seeds: Sequence[int], penalised: Set[str]) -> Figure:
    """A panel per variant: the norm against the weight of the real sample, logarithmic, with a line at 1.

    The penalised variants share one scale, any other has its own. Thin lines are seeds, bold ones the median
    of the runs that have not diverged by then; later moments are darker.
    """
    updates = moments(history)
    rows_at = [where(history, update=update) for update in updates]
    with rc_context(style.STYLE):
        figure, panels = style.new_panels(len(styles), min(4, len(styles)), row=2.05, margin=0.7)
        for ax, (variant, look) in zip(panels, styles.items(), strict=True):
            for points, dashes, shade in zip(rows_at, DASHES, SHADES, strict=True):
                _draw(ax, where(points, variant=variant), look.colour, dashes, shade, seeds)
            ax.set(title=variant, yscale="log", xlim=(0, 1), xticks=[0, 0.5, 1])
            ax.xaxis.set_major_formatter(style.plain_number)
            style.level(ax, Level("1", 1.0))
        for group in _axes_by_scale(penalised, dict(zip(styles, panels, strict=True))):
            _share_scale(group)
        figure.supxlabel("weight of the real sample (0: generated, 1: real)", fontsize=10)
        figure.supylabel("gradient norm of the critic", fontsize=10)
        handles = [
            Line2D([], [], color="0.2", alpha=shade, linestyle=dashes, linewidth=2, label=f"{name}, update {update:,}")
            for name, update, dashes, shade in zip(MOMENTS, updates, DASHES, SHADES, strict=True)
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, handlelength=3.2)
    return figure


def _draw(ax: Axes, points: pd.DataFrame, colour, dashes, shade: float, seeds: Sequence[int]) -> None:
    names = columns(points)
    runs = points.set_index("seed")[list(names)].reindex(seeds)
    ax.plot(list(names.values()), runs.T, color=colour, linewidth=0.6, alpha=0.3 * shade)
    ax.plot(list(names.values()), runs.median(), color=colour, alpha=shade, linestyle=dashes, linewidth=2)


def _axes_by_scale(penalised: Set[str], panels: dict[str, Axes]) -> list[list[Axes]]:
    """Groups of panels that share a scale: all penalised variants, and each other variant alone."""
    alone = [[ax] for variant, ax in panels.items() if variant not in penalised]
    return [group for group in ([ax for v, ax in panels.items() if v in penalised], *alone) if group]


def _share_scale(panels: list[Axes]) -> None:
    limits = [limit for ax in panels for limit in ax.get_ylim()]
    low, high = min(limits), max(limits)  # the line at 1 is within: it was drawn before
    for ax in panels:
        ax.set_ylim(low, high)
        style.plain_ticks(ax.yaxis, (1, 2, 5) if high / low < WIDE_RANGE else (1,))
