"""cfid over time: the curves of every run on every axis, with the updates at which the median reaches τ."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from ganspeed.compare.sentence import AXIS_WORDS
from ganspeed.report import curve_plot, style, summaries
from ganspeed.report.blocks import Curves, Picture
from ganspeed.report.colours import Look, looks
from ganspeed.report.curve_plot import CurvePlot
from ganspeed.report.read import Results, where
from ganspeed.report.style import Level
from ganspeed.report.tables import plain
from ganspeed.report.words import listed, units, values

UNEVEN = " Updates of some variants differ in cost: inside the page their curves are placed by the mean cost."
AXIS_LABELS = AXIS_WORDS | {"images": "real images seen by the critic"}


def block(results: Results) -> Curves:
    """The curves, drawn inside the page, and as pictures: against generator updates, and against the other axes."""
    axes = list(results.runs[0].scale)
    pictures = [picture(results, "cfid", ["updates"]), picture(results, "axes", axes[1:])]
    words, every_seed = listed(AXIS_WORDS[axis] for axis in axes), f"{units(len(results.seeds))} thin"
    return Curves(plot(results), _caption(results, words, every_seed), tuple(pictures))


def picture(results: Results, name: str, axes: list[str]) -> Picture:
    """cfid against some axes."""
    words = listed(AXIS_WORDS[axis] for axis in axes)
    alt = f"cfid against {words}. " + " ".join(_alt(results, axis) for axis in axes)
    points = _finite_cfid(results)[["variant", "seed", *axes, "value"]].rename(columns={"value": "cfid"})
    caption = _caption(results, words, style.spread_in_words(results.variants, units(len(results.seeds))))
    styles = looks(results.variants)
    return Picture(f"{results.dataset}_{name}", caption, alt, lambda: figure(results, styles, axes), points)


def _caption(results: Results, axes: str, spread: str) -> str:
    return (
        f"cfid against {axes} on {results.dataset}, both axes logarithmic ({spread}, median bold, a run that has "
        f"diverged counting as worse than any other). Dotted: the threshold τ, and the calibration rows at their "
        f"values: the floor (real against real) and noise, Gaussian with the pixels’ mean and covariance. ● marks the "
        f"median time to τ, where half of the runs get there; ✕ where a run diverged. Update 0, the untrained "
        f"generator, stands in the table of scores."
        + ("" if all(run.counts.is_constant for run in results.runs) else UNEVEN)
    )


def _alt(results: Results, axis: str) -> str:
    times = {v: results.of(v)[0].at(time)[axis] for v, time in crossings(results).items()}
    never = [variant for variant in results.variants if variant not in times]
    rest = f"; not reached by half of the runs: {listed(never)}" if never else ""
    last = {variant: median.iloc[-1] for variant, median in _medians(results).items() if len(median)}
    return f"Median {AXIS_WORDS[axis]} to τ: {values(times)}{rest}. Last median cfid: {values(last)}."


def crossings(results: Results) -> dict[str, float]:
    """Variant → median generator updates to tau, of the variants half of whose runs reach it."""
    times = {variant: summaries.median_time(results, variant, "tau") for variant in results.variants}
    return {variant: time for variant, time in times.items() if time is not None}


def levels(results: Results) -> list[Level]:
    """τ and the calibration rows that have a cfid."""
    rows = {"floor": "floor", "pixel_gaussian": "noise"}
    found = [Level("τ", results.comparison.thresholds.tau)]
    return found + [Level(label, value) for row, label in rows.items() if (value := results.level(row, "cfid"))]


def _finite_cfid(results: Results) -> pd.DataFrame:
    return where(summaries.finite(results.scores), metric="cfid").query("update > 0")


def _medians(results: Results) -> dict[str, pd.Series]:
    cfid = _finite_cfid(results)
    return {
        variant: style.median_curve(where(cfid, variant=variant), "update", results.seeds, math.inf)
        for variant in results.variants
    }


def _diverged(results: Results) -> pd.DataFrame:
    """The points at which runs diverged, with their last cfid: variant, seed, value and the axes."""
    last = where(results.last(), metric="cfid").set_index(["variant", "seed"]).value
    rows = [
        {"variant": run.variant, "seed": run.seed, "value": last[run.variant, run.seed]}
        | run.at(max(run.record.diverged_at, 1))  # a log axis has no 0
        for run in results.runs
        if run.record.diverged_at is not None
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "value", *results.runs[0].scale])


def plot(results: Results) -> CurvePlot:
    """The curves that are drawn inside the page."""
    styles, cfid, lines = looks(results.variants), _finite_cfid(results), levels(results)
    reach = [*(line.value for line in lines), *cfid.value]
    y = curve_plot.Heights(min(reach), max(reach))
    tau, diverged = results.comparison.thresholds.tau, _diverged(results)
    arrivals = [(v, at, tau, f"{v}: median of {plain(at)} updates to τ") for v, at in crossings(results).items()]
    ends = diverged[["variant", "seed", "updates", "value"]].itertuples(index=False)
    crosses = [(v, at, cfid, f"{v}, seed {seed}: diverged at update {plain(at)}") for v, seed, at, cfid in ends]
    span = int(cfid.updates.min()), int(cfid.updates.max())
    scales = {axis: {v: results.of(v)[0].scale[axis] for v in results.variants} for axis in results.runs[0].scale}
    return CurvePlot(
        dataset=results.dataset,
        curves=tuple(curve_plot.curve_paths(cfid, _medians(results), styles, y)),
        axes=tuple(
            curve_plot.axis_of_time(
                axis, AXIS_LABELS[axis], _alt(results, axis), scale, span, arrivals, crosses, styles, y
            )
            for axis, scale in scales.items()
        ),
        panels=curve_plot.panels_of(styles),
        heights=tuple(curve_plot.Tick(y.at(tick), f"{tick:,.10g}") for tick in curve_plot.log_ticks(y.low, y.high, 12)),
        levels=curve_plot.level_places(lines, y),
    )


def figure(results: Results, styles: dict[str, Look], axes: Sequence[str]) -> Figure:
    """cfid against one panel per axis, both logarithmic, hence without update 0."""
    cfid, lines, diverged = _finite_cfid(results), levels(results), _diverged(results)
    reach = [*(line.value for line in lines), *cfid.value]

    def draw(place: FigureBase, part: dict[str, Look]) -> None:
        panels = place.subplots(1, len(axes), sharey=True, squeeze=False)[0]
        for ax, axis in zip(panels, axes, strict=True):
            style.curves(ax, cfid, axis, part, results.seeds, math.inf, style.is_band(styles))
            style.crosses(ax, diverged[diverged.variant.isin(part)], axis, part)
            _mark_arrivals(ax, results, axis, part)
            ax.set(xscale="log", yscale="log", xlabel=AXIS_LABELS[axis])
            style.plain_ticks(ax.xaxis, (1, 2, 5) if len(axes) == 1 else (1,))
            style.plain_ticks(ax.yaxis, (1, 2, 5))
        panels[0].set(ylabel="cfid (lower is better)", ylim=(min(reach) / 1.25, max(reach) * 1.25))
        style.labelled_levels(panels[-1], lines)
        for ax in panels[:-1]:
            for line in lines:
                style.level(ax, line)

    with rc_context(style.STYLE):
        return style.by_group(styles, 5.2 if len(axes) == 1 else 4.2, draw, diverged=not diverged.empty)


def _mark_arrivals(ax: Axes, results: Results, axis: str, styles: dict[str, Look]) -> None:
    """A dot on the threshold where the median of a variant's times to it lies."""
    for variant, time in crossings(results).items():
        if variant in styles:
            place = results.of(variant)[0].at(time)[axis], results.comparison.thresholds.tau
            ax.plot(*([at] for at in place), marker="o", markersize=7.5, color=styles[variant].colour,
                    markeredgecolor="white", markeredgewidth=1.2, linestyle="none", zorder=6)  # fmt: skip
