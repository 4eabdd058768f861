"""The page: sections of text, tables and figures, rendered as index.html and summary.md."""

import base64
import math
import re
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
from ganspeed.scoring.metrics import LOWER_IS_BETTER

MARKUP = re.compile(r"[\\`*_{}\[\]|#~>]")  # of Markdown, in one line of text
TRACES = {
    "diagnostics/rho": "ρ, distance still to go",
    "diagnostics/alpha": "α, weight of the real sample",
    "diagnostics/lambda": "λ, weight of the penalty",
    "diagnostics/share": "share of the penalty",
}


@dataclass(frozen=True)
class Picture:
    """A figure's file name, caption and alternative text."""

    file: str
    caption: str
    alt: str
    about_speed: bool = False


@dataclass(frozen=True)
class Points:
    """A list of headings with a short text each."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3 and the blocks below it."""

    title: str
    level: int
    blocks: tuple[str | Points | Table | Picture, ...]


def draw_figures(results: Results, columns: int) -> Iterator[tuple[Picture, Figure]]:
    """The figures of one data set in the order of the page; `columns` moments of samples."""
    styles = style.looks(results.variants)
    yield from _draw_cfid(results, styles)
    yield from _draw_speeds(results, styles)
    yield from _draw_metrics(results, styles)
    yield from _draw_samples(results, columns)
    yield from _draw_training(results, styles)


def _draw_cfid(results: Results, styles: dict[str, style.Look]) -> Iterator[tuple[Picture, Figure]]:
    """cfid against generator updates, the headline, and against the other axes."""
    seeds, name, diverged, lines = results.seeds, results.dataset, _diverged(results), _levels(results)
    scores = summaries.finite(results.scores)
    cfid = scores[scores["metric"] == "cfid"]
    others = {summaries.AXIS_WORDS[axis]: axis for axis in results.runs[0].scale if axis != "updates"}
    picture = Picture(f"{name}_cfid.png", text.curves(results, "generator updates"), "cfid against generator updates")
    yield picture, plots.score_curves(cfid, diverged, lines, styles, seeds, ("updates",))
    picture = Picture(f"{name}_axes.png", text.curves(results, text.listed(others)), "cfid against other axes")
    yield picture, plots.score_curves(cfid, diverged, lines, styles, seeds, list(others.values()))


def _draw_metrics(results: Results, styles: dict[str, style.Look]) -> Iterator[tuple[Picture, Figure]]:
    """The other metrics, if any."""
    name, scores = results.dataset, summaries.finite(results.scores)
    others = [m for m in summaries.ordered_metrics(set(results.scores["metric"])) if m != "cfid"]
    worst = {m: math.inf if m in LOWER_IS_BETTER else -math.inf for m in others}  # values of a run that has stopped
    if worst:
        rows = {metric: _metric_levels(results, metric) for metric in worst}
        picture = Picture(f"{name}_metrics.png", text.metrics(results), "the other metrics against generator updates")
        yield picture, plots.metric_panels(scores, rows, styles, results.seeds, worst)


def _draw_samples(results: Results, columns: int) -> Iterator[tuple[Picture, Figure]]:
    """Samples of the first seed of every variant."""
    name, seeds = results.dataset, results.seeds
    first = {variant: results.of(variant)[0] for variant in results.variants}
    pictures = {variant: run.samples for variant, run in first.items()}
    picture = Picture(f"{name}_samples.png", text.samples(results, seeds[0]), "generated samples through training")
    yield picture, plots.sample_grids(pictures, _moments(list(first.values()), columns))


def _draw_training(results: Results, styles: dict[str, style.Look]) -> Iterator[tuple[Picture, Figure]]:
    """Diagnostics of the penalties, gradient norms, and losses, the last of them against cfid."""
    name, seeds, history = results.dataset, results.seeds, results.history
    logged = {column: title for column, title in TRACES.items() if column in history}
    if logged:
        alt = "rho, alpha, lambda and penalty share over updates"
        picture = Picture(f"{name}_traces.png", text.traces(results), alt)
        yield picture, plots.traces(history, logged, styles, seeds)
    if gradient_profile.columns(history):
        alt = "gradient norm between generated and real samples"
        picture = Picture(f"{name}_profile.png", text.profile(results), alt)
        yield picture, gradient_profile.profiles(history, styles, seeds)
    picture = Picture(f"{name}_losses.png", text.losses(results), "losses of critic and generator over updates")
    yield picture, plots.losses(history, styles, seeds)
    caption, alt = loss_section.caption(results), "the critic's loss against cfid, by variant"
    picture = Picture(f"{name}_loss_quality.png", caption, alt)
    yield picture, loss_section.figure(results, styles)


def _draw_speeds(results: Results, styles: dict[str, style.Look]) -> Iterator[tuple[Picture, Figure]]:
    """The figures in the section of the tables of times and speed-ups."""
    name = results.dataset
    if results.comparison.pairs:
        picture = Picture(f"{name}_speedups.png", verdict.forest(results), "speed-ups with intervals", about_speed=True)
        yield picture, speed_plots.forest(results, styles)
    picture = Picture(f"{name}_arrivals.png", verdict.arrivals(results), "share of runs that arrived", about_speed=True)
    yield picture, speed_plots.arrivals(results, styles)
    if results.comparison.pairs:
        alt = "time to τ of every seed, paired"
        picture = Picture(f"{name}_slopes.png", verdict.slopes(results), alt, about_speed=True)
        yield picture, speed_plots.slopes(results, styles)


def sections(everything: list[Results], pictures: dict[str, list[Picture]], settings: Report) -> list[Section]:
    """The sections in the order of the page; `pictures` are those of `draw_figures`, by data set."""
    guards = verdict.guards(everything)
    found = [
        Section("Verdict", 2, (*verdict.sentences(everything), *([guards] if guards else []))),
        Section("What was compared, and how", 2, (text.opening(everything), *map(text.methods, everything))),
    ]
    for results in everything:
        headline, *others, loss_quality = pictures[results.dataset]
        beside = [picture for picture in others if picture.about_speed]
        blocks = (text.status(results), headline, tables.scores(results, text.GLOSSARY))
        found.append(Section(f"Data set {results.dataset}", 2, blocks))
        compared = (tables.ratios(results), tables.areas(results)) if results.comparison.pairs else ()
        found.append(Section("Time to threshold", 3, (tables.times(results), *compared, *beside)))
        rest = tuple(picture for picture in others if not picture.about_speed)
        found.append(Section("More curves, samples and traces", 3, rest))
        found.append(Section(loss_section.TITLE, 3, (loss_quality, *loss_section.tables(results, settings))))
    what = (methods.datasets(everything), methods.variants(everything), methods.provenance(everything))
    found.append(Section("What was run", 2, what))
    points = Points(tuple(limits.all_limits(everything)))
    found.append(Section("What this may and may not be taken to show", 2, (points,)))
    found.append(Section(published_fid.TITLE, 2, (published_fid.table(),)))
    found.append(Section("Every run", 2, (methods.runs(everything, settings.flags),)))
    return found


def render(template: str, title: str, everything: list[Results], found: list[Section], folder: Path) -> str:
    """Render `template` (template.html or template.md); `folder` has the figures to embed."""
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
    environment.filters["cell"] = lambda text: text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
    environment.filters["plain"] = lambda text: MARKUP.sub(r"\\\g<0>", text).replace("&", "&amp;").replace("<", "&lt;")
    return environment.get_template(template).render(title=title, status=verdict.headline(everything), sections=found)


def _diverged(results: Results) -> pd.DataFrame:
    """The points at which runs diverged, with their last cfid: variant, seed, value and the axes."""
    last = results.last()
    last = last[last["metric"] == "cfid"].set_index(["variant", "seed"])["value"]
    rows = [
        {"variant": run.variant, "seed": run.seed, "value": last[run.variant, run.seed]}
        | {axis: step * max(run.record.diverged_at, 1) for axis, step in run.scale.items()}  # a log axis has no 0
        for run in results.runs
        if run.record.diverged_at is not None
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "value", *results.runs[0].scale])


def _levels(results: Results) -> list[style.Level]:
    rows = {"floor": "floor", "pixel_gaussian": "pixel-Gaussian"}
    found = [style.Level("τ", results.comparison.thresholds.tau)]
    return found + [style.Level(label, value) for row, label in rows.items() if (value := results.level(row, "cfid"))]


def _metric_levels(results: Results, metric: str) -> list[style.Level]:
    values = {row: results.level(row, metric) for row in ("floor", "pixel_gaussian")}
    return [style.Level(row, value) for row, value in values.items() if value is not None]


def _moments(runs: list[ReportedRun], columns: int) -> list[int]:
    """Up to `columns` of the updates with pictures, evenly spaced, including the first and the last."""
    updates = sorted({update for run in runs for update in run.samples})
    if columns >= len(updates):
        return updates
    step = (len(updates) - 1) / max(1, columns - 1)
    return [updates[round(i * step)] for i in range(columns)] if columns > 1 else updates[-1:]
