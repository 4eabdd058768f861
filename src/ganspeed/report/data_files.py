"""The report's numbers as files: results.csv, what DVC shows as metrics and as plot, and the comparisons."""

import math
from pathlib import Path

import pandas as pd

from ganspeed.compare.comparison import Comparison
from ganspeed.compare.names import LOG_AREA, REACHED, SPEED_UP, TIME_TO_TAU
from ganspeed.compare.rounding import rounded
from ganspeed.compare.summary import summaries
from ganspeed.compare.times import THRESHOLDS
from ganspeed.params.blocks import Params
from ganspeed.report.read import Results
from ganspeed.report.style import median_curve
from ganspeed.report.summaries import STATISTICS, calibration, last_scores, median_time, n_diverged, reached
from ganspeed.system.files import write_json, write_text

RESULTS, METRICS, CURVES, COMPARISONS = "results.csv", "metrics.json", "curves.csv", "comparison"
DIGITS = 4  # of metrics.json, a column of which stands for a variant in a terminal
Line = tuple[str, str, str, float | None, int]  # name, metric, statistic, value, n: of results.csv


def write_data_files(folder: Path, everything: list[Results], params: Params) -> None:
    """Write RESULTS, METRICS, CURVES and a comparison for each data set, with its status and findings, to `folder`."""
    _write_table(folder / RESULTS, [tidy(results) for results in everything])
    _write_table(folder / CURVES, [curves(results) for results in everything])
    references = params.protocol.references
    write_json(folder / METRICS, {r.dataset: speeds(r.comparison, references) for r in everything})
    for results in everything:
        path = folder / COMPARISONS / f"{results.dataset}.json"
        write_json(path, _with_status(results), compact=True)


def _write_table(path: Path, tables: list[pd.DataFrame]) -> None:
    write_text(path, pd.concat(tables, ignore_index=True).to_csv(index=False, lineterminator="\n"))


def tidy(results: Results) -> pd.DataFrame:
    """All results of a data set: columns dataset, kind (variant or calibration), name, metric, statistic, value, n."""
    rows = [("variant", *line) for line in (*_scores(results), *_speeds(results))]
    for row in calibration(results).to_dict("records"):
        statistic = "median" if row["row"] in ("floor", "untrained") else "value"
        rows.append(("calibration", row["row"], row["metric"], statistic, row["value"], row["n"]))
    table = pd.DataFrame(rows, columns=["kind", "name", "metric", "statistic", "value", "n"])
    table["value"] = [rounded(value) for value in table["value"].astype(float)]
    table.insert(0, "dataset", results.dataset)
    return table.dropna(subset="value")


def _scores(results: Results) -> list[Line]:
    """Every metric at the last snapshot of the runs, and how many of them diverged."""
    last = last_scores(results).to_dict("records")
    lines = [(row["variant"], row["metric"], name, row[name], row["n"]) for row in last for name in STATISTICS]
    diverged = [(v, "diverged", "count", n_diverged(results, v), len(results.of(v))) for v in results.variants]
    return lines + diverged


def _speeds(results: Results) -> list[Line]:
    """Times to the thresholds in generator updates, and speed-ups on the primary axis, as the first glance has them."""
    lines: list[Line] = []
    for summary in summaries(results.comparison):
        name, n = summary.variant, summary.n
        means = {"geometric_mean": summary.time_to_tau, "low": summary.low, "high": summary.high}
        lines += [(name, TIME_TO_TAU, statistic, value, n) for statistic, value in means.items()]
        lines.append((name, LOG_AREA, "mean", summary.log_area, n))
        for threshold in THRESHOLDS:
            suffix = threshold.removeprefix("tau")
            lines.append((name, f"{TIME_TO_TAU}{suffix}", "median", median_time(results, name, threshold), n))
            lines.append((name, f"{REACHED}{suffix}", "count", reached(results, name, threshold), n))
    for new, reference in results.comparison.pairs:
        row = results.comparison.primary(new, reference)
        ratios = {"ratio": row.ratio, "low": row.low, "high": row.high}
        metric = SPEED_UP.format(reference=reference)
        lines += [(new, metric, statistic, value, row.n) for statistic, value in ratios.items()]
    return lines


def speeds(comparison: Comparison, references: tuple[str, ...]) -> dict[str, float]:
    """Variant → its speed-up over the first of the references that was run, which is 1 itself.

    Without one, variant → geometric mean of min(T, B) in generator updates.
    """
    variants = {summary.variant: summary.time_to_tau for summary in summaries(comparison)}
    if reference := next((name for name in references if name in variants), None):
        over = {new: comparison.primary(new, ref).ratio for new, ref in comparison.pairs if ref == reference}
        variants = over | {reference: 1.0}
    return rounded(variants, DIGITS)


def curves(results: Results) -> pd.DataFrame:
    """The median over a variant's runs at every snapshot: columns dataset, variant, update, cfid.

    A run that has diverged counts as infinite, as in the report's first figure; infinite medians are left out.
    """
    cfid = results.scores[results.scores["metric"] == "cfid"]
    of_variants = [
        median_curve(cfid[cfid["variant"] == variant], "update", results.seeds, math.inf)
        .map(rounded)
        .rename("cfid")
        .reset_index()
        .assign(dataset=results.dataset, variant=variant)
        for variant in results.variants
    ]
    return pd.concat(of_variants)[["dataset", "variant", "update", "cfid"]]


def _with_status(results: Results) -> dict:
    findings = [
        {"variant": variant, "seed": seed, "finding": finding.name, "since": finding.since}
        for (variant, seed), found in results.findings.items()
        for finding in found
    ]
    status = {"status": results.status.name, "status_reasons": results.status.reasons}
    return {**results.comparison.to_json(), **status, "findings": findings}
