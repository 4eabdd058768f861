"""The first section on a data set: the status of its comparison, and the scores of the last snapshots."""

from collections.abc import Collection
from itertools import groupby
from operator import attrgetter
from typing import Any

import pandas as pd

from ganspeed.compare.comparison import UNIT
from ganspeed.params.blocks import Report
from ganspeed.report import summaries
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results, where
from ganspeed.report.tables import NONE, Cell, Table, number, plain, span
from ganspeed.report.words import STATUS_WORDS
from ganspeed.scoring.metrics import FED, METRICS

CALIBRATION_GLOSSARY = (
    "Calibration rows: floor, real images against other real images; test, the held-out real images themselves; blur_w "
    "and drop_k, real images blurred by w pixels or without k of the classes; pixel_gaussian, Gaussian noise with the "
    "pixels’ mean and covariance; untrained, the median of all generators at update 0."
)


def section(results: Results, settings: Report) -> Section:
    asked = asked_table(results)
    return Section(f"Data set {results.dataset}", 2, (status(results), table(results), *((asked,) if asked else ())))


def status(results: Results) -> str:
    """The status of a data set's comparison with its reasons, in a sentence."""
    name, reasons = STATUS_WORDS[results.status.name], results.status.reasons
    used = results.comparison.thresholds
    rule = {"params": "set by hand in params.yaml", "pilot": "frozen from a pilot"}[used.rule]
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return f"Status on {results.dataset}: {name}{why}. The threshold τ = {plain(used.tau)} was {rule}."


def table(results: Results) -> Table:
    """One row per variant over its last snapshots, and the calibration rows."""
    last, beside = summaries.last_scores(results), summaries.calibration(results)
    metrics = summaries.ordered_metrics(set(last.metric))
    others = [metric for metric in metrics if metric != "cfid" and metric not in FED]
    head = ("", "n", "reached τ", "median cfid ↓", "cfid ↓")
    variants = tuple(_variant_row(results, last, variant, others) for variant in results.variants)
    rows = tuple(_calibration_row(beside, row, others) for row in dict.fromkeys(beside.row))
    caption = (
        f"Scores of the last snapshot. Variants: mean over {UNIT} ± sample standard deviation, for cfid the median "
        f"too; a diverged run counts with the last snapshot it has. Calibration: what real, damaged and simulated "
        f"images score by the same measures."
    )
    groups = ((f"Variants, n in {UNIT}", variants), ("Calibration, n in images (untrained: in runs)", rows))
    return Table(
        caption,
        head + tuple(map(summaries.with_arrow, others)),
        groups,
        note=f"{glossary(('cfid', *others))} {CALIBRATION_GLOSSARY}",
    )


def asked_table(results: Results) -> Table | None:
    """One row per variant whose generator is asked for a class or fed a code; None where none is."""
    last = summaries.last_scores(results)
    metrics = [metric for metric in summaries.ordered_metrics(set(last.metric)) if metric in FED]
    rows = []
    for variant in results.variants:
        by_metric, n = _by_metric(last, variant), len(results.of(variant))
        if not by_metric.keys().isdisjoint(metrics):
            rows.append((Cell(variant), Cell(str(n)), *(_spread(by_metric.get(metric), n) for metric in metrics)))
    if not rows:
        return None
    caption = (
        f"Whether the samples of the last snapshot show what the generator was asked for: mean over {UNIT} ± sample "
        f"standard deviation."
    )
    head = ("", "n", *map(summaries.with_arrow, metrics))
    return Table(caption, head, (("", tuple(rows)),), note=glossary(metrics))


def glossary(names: Collection[str]) -> str:
    """What these metrics are, in a sentence each; metrics of one text share it."""
    named = groupby((metric for metric in METRICS if metric.name in names), attrgetter("glossary"))
    return " ".join(f"{', '.join(metric.name for metric in alike)}: {text}." for text, alike in named)


def _by_metric(last: pd.DataFrame, variant: str) -> dict[str, Any]:
    return {row.metric: row for row in where(last, variant=variant).itertuples()}


def _variant_row(results: Results, last: pd.DataFrame, variant: str, others: list[str]) -> tuple[Cell, ...]:
    by_metric = _by_metric(last, variant)
    n, diverged = len(results.of(variant)), summaries.n_diverged(results, variant)
    first = Cell(variant, f"{diverged} of {n} diverged" if diverged else "")
    reached = Cell(f"{summaries.reached(results, variant, 'tau')}/{n}")
    cfid = by_metric.get("cfid")
    middle = Cell(NONE if cfid is None else number(cfid.median))
    return (first, Cell(str(n)), reached, middle, *(_spread(by_metric.get(metric), n) for metric in ["cfid", *others]))


def _spread(row, n: int) -> Cell:
    """The mean with ± sd below it, and with its n if that differs from the n of the row."""
    if row is None:
        return Cell(NONE)
    below = [f"± {number(row.sd, 2)}" if row.n > 1 else "", f"n = {row.n}" if row.n != n else ""]
    return Cell(number(row.mean), ", ".join(part for part in below if part))


def _calibration_row(beside: pd.DataFrame, row: str, others: list[str]) -> tuple[Cell, ...]:
    part = where(beside, row=row)
    by_metric = dict(zip(part.metric, part.value, strict=True))
    values = [Cell(number(by_metric.get(metric))) for metric in ["cfid", *others]]
    return (Cell(row), Cell(span(list(part.n))), Cell(""), Cell(""), *values)
