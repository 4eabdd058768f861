"""The numbers that the tables and results.csv share, computed from the results."""

import math
from dataclasses import replace
from statistics import fmean

import pandas as pd

from ganspeed.compare.comparison import Comparison
from ganspeed.compare.differences import in_short
from ganspeed.compare.rows import TimeToThreshold
from ganspeed.compare.sentence import AXIS_WORDS
from ganspeed.compare.summary import references
from ganspeed.report.read import Results
from ganspeed.scoring.metrics import DISPLAY_ORDER, LOWER_IS_BETTER, YARDSTICKS
from ganspeed.training.snapshot_grid import budget

STATISTICS = ("mean", "sd", "median", "min", "max")


def last_scores(results: Results) -> pd.DataFrame:
    """One row per variant and metric over the last snapshot of its seeds: variant, metric, n and STATISTICS.

    Values that are not finite are left out and not counted in n; sd is NaN if n is 1.
    """
    scores = results.last()
    groups = finite(scores).groupby(["variant", "metric"])["value"]
    table = groups.agg(n="count", mean="mean", sd="std", median="median", min="min", max="max")
    metrics = ordered_metrics(set(scores["metric"]))
    return table.loc[[(v, m) for v in results.variants for m in metrics if (v, m) in table.index]].reset_index()


def calibration(results: Results) -> pd.DataFrame:
    """The calibration rows, and `untrained`, the median over all runs at update 0: row, metric, value, n."""
    start = finite(results.scores[results.scores["update"] == 0]).groupby("metric", sort=False)["value"]
    untrained = start.agg(value="median", n="count").reset_index().assign(row="untrained")
    columns = ["row", "metric", "value", "n"]
    return pd.concat([finite(results.calibration[columns]), untrained[columns]], ignore_index=True)


def reached(results: Results, variant: str, threshold: str) -> int:
    """Seeds of a variant that reached a threshold within the budget."""
    return sum(time.reached for time in results.comparison.times_of(variant, threshold))


def median_time(results: Results, variant: str, threshold: str) -> float | None:
    """Median generator updates to a threshold; a seed that did not reach it counts as infinity.

    None if the median is infinite.
    """
    times = [time.time if time.reached else math.inf for time in results.comparison.times_of(variant, threshold)]
    median = float(pd.Series(times, dtype=float).median())
    return median if math.isfinite(median) else None


def restricted_mean(results: Results, variant: str, threshold: str) -> float:
    """RMST(B): mean of min(T, B) over a variant's seeds, in generator updates."""
    return fmean(time.time for time in results.comparison.times_of(variant, threshold))


def other_than_reference(comparison: Comparison, variant: str) -> str:
    """What a variant differs in from the first reference beside the method, in short; empty if in nothing."""
    reference = next(iter(references(comparison)), None)
    if (variant, reference) not in comparison.pairs:
        return ""
    return in_short(comparison.primary(variant, reference).differs)


def axes(results: Results) -> list[str]:
    """The axes of the comparison, in the order of AXIS_WORDS."""
    there = {time.axis for time in results.comparison.times}
    return [axis for axis in AXIS_WORDS if axis in there]


def distinct_axes(results: Results, new: str, reference: str) -> list[tuple[str, ...]]:
    """Groups of axes on which the two variants have the same ratio, since both are scaled by the same factor."""
    groups: dict[str, list[str]] = {}
    for axis in axes(results):
        same_as = results.comparison.row(new, reference, axis, "tau").same_as
        groups.setdefault(same_as or axis, []).append(axis)
    return [tuple(group) for group in groups.values()]


def paired_times(results: Results, new: str, reference: str, axis: str) -> list[tuple[TimeToThreshold, ...]]:
    """For every common seed, the times (reference, new) to tau, up to the smaller budget of the pair."""
    of_variants = [results.comparison.times_of(variant, "tau", axis) for variant in (reference, new)]
    first, second = ({time.seed: time for time in times} for times in of_variants)
    runs = [results.of(variant)[0] for variant in (reference, new)]
    end = min(run.at(budget(run.record.updates, run.record.grid_ratio))[axis] for run in runs)

    def cut(found: TimeToThreshold) -> TimeToThreshold:
        return replace(found, time=min(found.time, end), reached=found.reached and found.time <= end)

    return [(cut(first[seed]), cut(second[seed])) for seed in sorted(first.keys() & second.keys())]


def n_diverged(results: Results, variant: str) -> int:
    return sum(run.record.diverged_at is not None for run in results.of(variant))


def ordered_metrics(present: set[str]) -> list[str]:
    """The present metrics: registered ones first, in the order of DISPLAY_ORDER."""
    return [m for m in DISPLAY_ORDER if m in present] + sorted(present - set(DISPLAY_ORDER))


def with_arrow(metric: str) -> str:
    """`cfid ↓`, `recall ↑`; a yardstick for another metric, of which no direction is better, by its name alone."""
    return metric if metric in YARDSTICKS else f"{metric} {'↓' if metric in LOWER_IS_BETTER else '↑'}"


def finite(table: pd.DataFrame) -> pd.DataFrame:
    """The rows whose value is finite."""
    return table[table["value"].map(math.isfinite)]
