"""Results → sections of text, tables and figures, and from them index.html and summary.md."""

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd
from matplotlib.figure import Figure

from ganspeed.params.blocks import Report
from ganspeed.report import (
    gradient_profile,
    limits,
    loss_section,
    methods,
    plots,
    published_fid,
    speed_plots,
    style,
    summaries,
    tables,
    text,
    verdict,
)
from ganspeed.report.read import ReportedRun, Results
from ganspeed.report.tables import Table

TRACES = {
    "diagnostics/rho": "ρ, distance still to go",
    "diagnostics/alpha": "α, weight of the real sample",
    "diagnostics/lambda": "λ, weight of the penalty",
    "diagnostics/share": "share of the penalty",
}


@dataclass(frozen=True)
class Picture:
    """A figure's file name, its caption and, for who cannot see it, what it shows."""

    file: str
    caption: str
    alt: str
    about_speed: bool = False


@dataclass(frozen=True)
class Points:
    """A list of headings with a sentence or two each."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3 and what stands below it."""

    title: str
    level: int
    blocks: tuple[str | Points | Table | Picture, ...]


def draw_figures(results: Results, columns: int) -> Iterator[tuple[Picture, Figure]]:
    """The figures of one data set in the order of the page; `columns` moments of samples."""
    styles, seeds, name = style.looks(results.variants), results.seeds, results.dataset
    scores, diverged, lines = summaries.finite(results.scores), _diverged(results), _levels(results)
    cfid = scores[scores["metric"] == "cfid"]
    others = {summaries.AXIS_WORDS[axis]: axis for axis in results.runs[0].scale if axis != "updates"}
    yield (
        Picture(f"{name}_cfid.png", text.curves(results, "generator updates"), "cfid against generator updates"),
        plots.score_curves(cfid, diverged, lines, styles, seeds, ("updates",)),
    )
    yield (
        Picture(f"{name}_axes.png", text.curves(results, text.listed(others)), "cfid against other axes"),
        plots.score_curves(cfid, diverged, lines, styles, seeds, list(others.values())),
    )
    yield from _draw_speeds(results, styles)
    worst = _worst(results)
    if worst:
        rows = {metric: _metric_levels(results, metric) for metric in worst}
        yield (
            Picture(f"{name}_metrics.png", text.metrics(results), "the other metrics against generator updates"),
            plots.metric_panels(scores, rows, styles, seeds, worst),
        )
    first = {variant: results.of(variant)[0] for variant in results.variants}
    pictures = {variant: run.samples for variant, run in first.items()}
    yield (
        Picture(f"{name}_samples.png", text.samples(results, seeds[0]), "generated samples through training"),
        plots.sample_grids(pictures, _moments(list(first.values()), columns)),
    )
    logged = {column: title for column, title in TRACES.items() if column in results.history}
    if logged:
        yield (
            Picture(f"{name}_traces.png", text.traces(results), "rho, alpha, lambda and penalty share over updates"),
            plots.traces(results.history, logged, styles, seeds),
        )
    if gradient_profile.columns(results.history):
        yield (
            Picture(f"{name}_profile.png", text.profile(results), "gradient norm between generated and real samples"),
            gradient_profile.profiles(results.history, styles, seeds),
        )
    yield (
        Picture(f"{name}_losses.png", text.losses(results), "losses of critic and generator over updates"),
        plots.losses(results.history, styles, seeds),
    )
    yield (
        Picture(
            f"{name}_loss_quality.png", loss_section.caption(results), "the critic's loss against cfid, by variant"
        ),
        loss_section.figure(results, styles),
    )


def _draw_speeds(results: Results, styles: dict[str, style.Look]) -> Iterator[tuple[Picture, Figure]]:
    """The figures that stand beside the tables of times and speed-ups."""
    name = results.dataset
    if summaries.pairs(results):
        yield (
            Picture(f"{name}_speedups.png", verdict.forest(results), "speed-ups with intervals", about_speed=True),
            speed_plots.forest(results, styles),
        )
    yield (
        Picture(f"{name}_arrivals.png", verdict.arrivals(results), "share of runs that arrived", about_speed=True),
        speed_plots.arrivals(results, styles),
    )
    if summaries.pairs(results):
        yield (
            Picture(f"{name}_slopes.png", verdict.slopes(results), "time to τ of every seed, paired", about_speed=True),
            speed_plots.slopes(results, styles),
        )


def sections(everything: list[Results], pictures: dict[str, list[Picture]], settings: Report) -> list[Section]:
    """The page in its order; `pictures` are those of `draw`, by data set."""
    guards = verdict.guards(everything)
    found = [
        Section("Verdict", 2, (*verdict.sentences(everything), *([guards] if guards else []))),
        Section("What was compared, and how", 2, (text.opening(everything), *map(text.methods, everything))),
    ]
    for results in everything:
        headline, *others, loss_quality = pictures[results.dataset]
        beside = [picture for picture in others if picture.about_speed]
        blocks = (headline, tables.scores(results, text.GLOSSARY))
        found.append(Section(f"Data set {results.dataset}", 2, (text.status(results), *blocks)))
        compared = (tables.ratios(results), tables.areas(results)) if summaries.pairs(results) else ()
        times = (tables.times(results), *compared)
        found.append(Section("Time to threshold", 3, (*times, *beside)))
        rest = tuple(picture for picture in others if not picture.about_speed)
        found.append(Section("More curves, samples and traces", 3, rest))
        answers = (loss_quality, *loss_section.tables(results, settings))
        found.append(Section(loss_section.TITLE, 3, answers))
    what = (methods.datasets(everything), methods.variants(everything), methods.provenance(everything))
    found.append(Section("What was run", 2, what))
    points = Points(tuple(limits.all_limits(everything)))
    found.append(Section("What this may and may not be taken to show", 2, (points,)))
    found.append(Section(published_fid.TITLE, 2, (published_fid.table(),)))
    found.append(Section("Every run", 2, (methods.runs(everything, settings.flags),)))
    return found


def render(template: str, title: str, everything: list[Results], found: list[Section], folder: Path) -> str:
    """Fill `template` (template.html or template.md); `folder` holds the figures, to embed them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ganspeed.report", "."),
        autoescape=template.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests |= {
        "picture": lambda block: isinstance(block, Picture),
        "table": lambda block: isinstance(block, Table),
        "points": lambda block: isinstance(block, Points),
    }
    environment.filters["embedded"] = lambda file: base64.b64encode((folder / file).read_bytes()).decode("ascii")
    environment.filters["piped"] = lambda text: text.replace("|", "\\|")
    return environment.get_template(template).render(title=title, status=text.headline(everything), sections=found)


def _diverged(results: Results) -> pd.DataFrame:
    """Where runs diverged, at the height of the last cfid they had: variant, seed, value and the axes."""
    last = results.last()
    last = last[last["metric"] == "cfid"].set_index(["variant", "seed"])["value"]
    rows = [
        {"variant": run.variant, "seed": run.seed, "value": last[run.variant, run.seed]}
        | {axis: step * max(run.diverged_at, 1) for axis, step in run.scale.items()}  # 0 has no place on a log axis
        for run in results.runs
        if run.diverged_at is not None
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "value", *results.runs[0].scale])


def _levels(results: Results) -> list[style.Level]:
    rows = {"floor": "floor", "pixel_gaussian": "pixel-Gaussian"}
    found = [style.Level("τ", results.comparison["thresholds"]["tau"])]
    return found + [style.Level(label, value) for row, label in rows.items() if (value := results.level(row, "cfid"))]


def _metric_levels(results: Results, metric: str) -> list[style.Level]:
    values = {row: results.level(row, metric) for row in ("floor", "pixel_gaussian")}
    return [style.Level(row, value) for row, value in values.items() if value is not None]


def _worst(results: Results) -> dict[str, float]:
    """Metric → what a run that has stopped counts as, for every metric but cfid."""
    present = summaries.ordered_metrics(set(results.scores["metric"]))
    return {m: math.inf if m in summaries.LOWER_IS_BETTER else -math.inf for m in present if m != "cfid"}


def _moments(runs: list[ReportedRun], columns: int) -> list[int]:
    """Up to `columns` of the updates that have pictures, spread evenly over them, the first and the last included."""
    there = sorted({update for run in runs for update in run.samples})
    if columns >= len(there):
        return there
    step = (len(there) - 1) / max(1, columns - 1)
    return [there[round(i * step)] for i in range(columns)] if columns > 1 else there[-1:]
