"""From scores to times: when a run first stays at or below a threshold, on which axis, and how low its cfid is.

T is the first of `consecutive` snapshots in a row with cfid at or below the threshold. A run that never gets there, or
diverges before, counts as the horizon; one that diverges later keeps its T. No run is dropped.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import get_args

import pandas as pd

from ganspeed.errors import UserError
from ganspeed.params.blocks import Axis
from ganspeed.params.datasets import Threshold
from ganspeed.training.counts import Counts
from ganspeed.training.snapshot_grid import budget
from ganspeed.types import RunFacts

AXES = get_args(Axis)
THRESHOLDS = ("tau25", "tau", "tau75")
SECOND = "second"  # tau again, by the features of the second classifier
ALL_THRESHOLDS = (*THRESHOLDS, SECOND)
CURVE_METRICS = ("cfid", "cfid_second", "coverage")  # that a RunCurve is made of
MIN_CFID = 1e-12  # a cfid counts as no less than this where its logarithm is taken


@dataclass(frozen=True)
class RunCurve:
    """What compare needs of one run: its scores over the updates, and what an update costs."""

    variant: str
    seed: int
    updates: tuple[int, ...]  # ascending
    cfid: tuple[float, ...]
    facts: RunFacts
    second: tuple[float, ...] = ()  # cfid_second at the same updates
    coverage: tuple[tuple[int, float], ...] = ()  # (update, coverage) of the snapshots that have it, ascending

    @property
    def name(self) -> str:
        return f"{self.variant}/seed-{self.seed}"

    @cached_property
    def counts(self) -> Counts:
        """Critic steps and batch sizes of every update."""
        return Counts.of(self.facts.variant | {"n_critic": self.facts.n_critic}, self.facts.batch_size)

    def at(self, axis: str, update: int) -> int:
        """Units of the axis from the beginning to the end of this update."""
        return self.counts.units(update)[axis]

    @property
    def budget(self) -> int:
        """B in generator updates."""
        return budget(self.facts.updates, self.facts.grid_ratio)

    @property
    def failed(self) -> bool:
        return self.facts.status == "diverged"

    @property
    def last_coverage(self) -> float:
        """Coverage of the last snapshot that has it; NaN if none has."""
        return self.coverage[-1][1] if self.coverage else math.nan

    @property
    def last_log_cfid(self) -> float:
        return log_cfid(self.cfid[-1])


def curves_of(scores: pd.DataFrame, facts: dict[tuple[str, int], RunFacts]) -> list[RunCurve]:
    """Runs from tidy scores (dataset, variant, seed, update, metric, value) and (variant, seed) → facts of each run.

    Raises UserError naming every run without cfid, or whose cfid_second is not at the same updates.
    """
    scores = scores[scores["metric"].isin(CURVE_METRICS)].sort_values("update")
    curves = {
        key: tuple(zip(rows["update"].tolist(), rows["value"].tolist(), strict=True))
        for key, rows in scores.groupby(["variant", "seed", "metric"])
    }
    runs, incomplete = [], []
    for (variant, seed), known in sorted(facts.items(), key=lambda item: item[0]):
        cfid, second, coverage = (curves.get((variant, seed, m), ()) for m in CURVE_METRICS)
        updates = tuple(update for update, _ in cfid)
        values = [tuple(value for _, value in curve) for curve in (cfid, second)]
        runs.append(RunCurve(variant, seed, updates, values[0], known, values[1], coverage))
        if not cfid or (second and updates != tuple(update for update, _ in second)):
            incomplete.append(runs[-1].name)
    if incomplete:
        raise UserError(f"no cfid, or cfid_second at other updates, in the scores of {', '.join(incomplete)}")
    return runs


def taus_of(threshold: Threshold) -> dict[str, float]:
    """Name, one of ALL_THRESHOLDS → value."""
    return {name: getattr(threshold, name) for name in THRESHOLDS} | {SECOND: threshold.tau_second}


def time_to_threshold(run: RunCurve, tau: float, consecutive: int, threshold: str = "tau") -> int | None:
    """The first update of `consecutive` snapshots in a row at or below tau; None if there is none.

    `threshold` decides by which curve: cfid, or cfid_second for `second`.
    """
    streak = 0
    for i, value in enumerate(run.second if threshold == SECOND else run.cfid):
        streak = streak + 1 if value <= tau else 0
        if streak == consecutive:
            return max(1, run.updates[i - consecutive + 1])
    return None


def truncated(arrival: float | None, horizon: float) -> tuple[float, bool]:
    """(min(T, horizon), whether T <= horizon), both in units of an axis; `arrival` None: never."""
    return (horizon, False) if arrival is None or arrival > horizon else (arrival, True)


def grid_step(grid: list[int], update: int) -> float:
    """Log of the ratio of a time to the snapshot before it: the time lies in between. Infinite at the first."""
    before = grid[max(0, bisect_left(grid, update) - 1)]
    return math.log(update / before) if before > 0 else math.inf


def log_cfid(value: float) -> float:
    """Log of a cfid, of no less than 1e-12 (rounding may take a tiny one below 0); NaN and infinity are unchanged."""
    return math.log(max(value, MIN_CFID)) if math.isfinite(value) else value


def log_area(run: RunCurve) -> float | None:
    """Mean of log cfid over log updates, from update 1 to the run's planned end, by trapezoids; update 0 is left out.

    Before its first snapshot beyond 0 and after its last a curve is constant: a diverged run stays at the last finite
    value it had. None for a run without any.
    """
    points = [(u, log_cfid(v)) for u, v in zip(run.updates, run.cfid, strict=True) if math.isfinite(v)]
    if not points:
        return None
    later = [(u, v) for u, v in points if u > 0] or [(1, points[-1][1])]
    curve = [(0.0, later[0][1]), *((math.log(u), v) for u, v in later)]
    curve.append((math.log(run.facts.updates), curve[-1][1]))
    pieces = [(b - a) * (v + w) / 2 for (a, v), (b, w) in pairwise(curve)]
    return math.fsum(pieces) / curve[-1][0]
