"""The metrics besides cfid, through training."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure, FigureBase

from ganspeed.params.blocks import Report
from ganspeed.report import style, summaries
from ganspeed.report.blocks import Picture, Section
from ganspeed.report.colours import Look, looks
from ganspeed.report.read import Results, where
from ganspeed.report.sections.curves import AXIS_LABELS
from ganspeed.report.style import Level
from ganspeed.report.words import units, values
from ganspeed.scoring.metrics import LOWER_IS_BETTER, YARDSTICKS

PANELS_PER_ROW = 4


def section(results: Results, settings: Report) -> Section:
    others = [m for m in summaries.ordered_metrics(set(results.scores.metric)) if m != "cfid"]
    return Section("Other metrics", 3, (picture(results, others),) if others else ())


def picture(results: Results, metrics: list[str]) -> Picture:
    scores = summaries.finite(results.scores)
    worst = {m: None if m in YARDSTICKS else math.inf if m in LOWER_IS_BETTER else -math.inf for m in metrics}
    lines = {metric: levels(results, metric) for metric in metrics}
    spread = style.spread_in_words(results.variants, units(len(results.seeds)))
    caption = (
        f"The other metrics on {results.dataset} at the snapshots that have them, ↑ higher or ↓ lower is better "
        f"({spread}, median bold, a diverged run counting as worst where it has no value). Dotted: the calibration "
        f"rows floor and pixel-Gaussian, where they have the metric."
    )
    last = summaries.last_scores(results).pivot(index="metric", columns="variant", values="median")
    found = (
        f"{metric}: {values(last.loc[metric].reindex(results.variants))}" for metric in metrics if metric in last.index
    )
    alt = f"Medians of the last snapshots. {'; '.join(found)}."
    shown, styles = scores[scores.metric.isin(metrics)], looks(results.variants)
    points = shown.pivot(index=["variant", "seed", "updates"], columns="metric", values="value")
    return Picture(
        f"{results.dataset}_metrics",
        caption,
        alt,
        lambda: figure(shown, lines, styles, results.seeds, worst),
        points[[metric for metric in metrics if metric in points]].reset_index(),
    )


def levels(results: Results, metric: str) -> list[Level]:
    found = {row: results.level(row, metric) for row in ("floor", "pixel_gaussian")}
    return [Level(row, value) for row, value in found.items() if value is not None]


def figure(
    scores: pd.DataFrame,
    lines: dict[str, Sequence[Level]],
    styles: dict[str, Look],
    seeds: Sequence[int],
    worst: dict[str, float | None],
) -> Figure:
    """One panel per metric of `worst` against updates; `worst` is the value, ±infinity, of a run that has stopped.

    It is None where no direction is better: the median is then over the runs that have not stopped. A group of variants
    has no panel of a metric that none of them has.
    """

    def draw(place: FigureBase, part: dict[str, Look]) -> None:
        there = set(scores[scores.variant.isin(part)].metric)  # variants that are asked nothing lack some metrics
        shown = [metric for metric in worst if metric in there]
        for ax, metric in zip(style.panels_in(place, len(shown), PANELS_PER_ROW), shown, strict=True):
            points = where(scores, metric=metric).query("updates > 0")
            style.curves(ax, points, "updates", part, seeds, worst[metric], style.is_band(styles))
            ax.set_xscale("log")
            for line in lines[metric]:
                style.level(ax, line)
            style.plain_ticks(ax.xaxis, (1,))
            ax.set(title=summaries.with_arrow(metric))
        place.supxlabel(AXIS_LABELS["updates"], fontsize=10)

    with rc_context(style.STYLE):
        return style.by_group(styles, 2.25 * math.ceil(len(worst) / PANELS_PER_ROW) + 0.15, draw)
