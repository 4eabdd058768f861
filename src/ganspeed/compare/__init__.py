"""From scores to speeds: time to threshold, and the speed-up of one variant over another.

A pure function of the scores and the protocol. T is the first of `consecutive` snapshots in a row with cfid at or
below the threshold; a run that never gets there counts as the horizon. Sums by math.fsum and rounding to 10
significant digits make the result the same whatever the order of the rows.
"""

import math
from dataclasses import dataclass
from itertools import product
from statistics import median

import pandas as pd

from ganspeed.errors import UserError
from ganspeed.grid import budget
from ganspeed.params import Protocol, Threshold

AXES = ("updates", "d_updates", "images")
THRESHOLDS = ("tau25", "tau", "tau75")


@dataclass(frozen=True)
class Run:
    """What compare needs of one run: its cfid over the updates, and what an update costs."""

    variant: str
    seed: int
    updates: tuple[int, ...]  # ascending
    cfid: tuple[float, ...]
    facts: dict  # the block `run` of the scores' JSON

    def per_update(self, axis: str) -> int:
        """Units of the axis that one generator update costs."""
        n_critic = self.facts["n_critic"]
        return {"updates": 1, "d_updates": n_critic, "images": n_critic * self.facts["batch_size"]}[axis]

    @property
    def budget(self) -> int:
        """B in generator updates."""
        return budget(self.facts["updates"], self.facts["grid_ratio"])


def runs_of(scores: pd.DataFrame, facts: dict[tuple[str, int], dict]) -> list[Run]:
    """Runs from tidy scores (dataset, variant, seed, update, metric, value) and each run's facts."""
    cfid = scores[scores["metric"] == "cfid"].sort_values("update")
    runs = []
    for variant, seed in sorted(facts):
        rows = cfid[(cfid["variant"] == variant) & (cfid["seed"] == seed)]
        runs.append(Run(variant, seed, tuple(rows["update"]), tuple(rows["value"]), facts[variant, seed]))
    return runs


def time_to_threshold(run: Run, tau: float, consecutive: int) -> int | None:
    """The first update of `consecutive` snapshots in a row with cfid <= tau; None when there is none."""
    streak = 0
    for i, value in enumerate(run.cfid):
        streak = streak + 1 if value <= tau else 0
        if streak == consecutive:
            return max(1, run.updates[i - consecutive + 1])
    return None


def truncated(run: Run, arrival: int | None, axis: str, horizon: int) -> tuple[int, bool]:
    """(min(T, horizon) in units of the axis, whether T <= horizon)."""
    if arrival is None or arrival * run.per_update(axis) > horizon:
        return horizon, False
    return arrival * run.per_update(axis), True


def speed_up(new: list[tuple[int, bool]], reference: list[tuple[int, bool]]) -> float:
    """exp(mean of log T_ref - log T_new) over pairs: a ratio of geometric means; above 1 the new one arrives sooner."""
    differences = [math.log(r) - math.log(n) for (n, _), (r, _) in zip(new, reference, strict=True)]
    return math.exp(math.fsum(differences) / len(differences))


def compare(dataset: str, runs: list[Run], threshold: Threshold, protocol: Protocol, calibration: pd.DataFrame) -> dict:
    """The content of artifacts/comparison/<dataset>.json. Raises UserError where runs must not be paired."""
    refuse_unlike(dataset, runs)
    taus = threshold.model_dump()
    arrivals = {
        (run.variant, run.seed, name): time_to_threshold(run, taus[name], protocol.consecutive)
        for run, name in product(runs, THRESHOLDS)
    }
    times = []
    for run, axis, name in product(runs, AXES, THRESHOLDS):
        time, reached = truncated(run, arrivals[run.variant, run.seed, name], axis, run.budget * run.per_update(axis))
        cell = {"variant": run.variant, "seed": run.seed, "axis": axis, "threshold": name}
        times.append(cell | {"time": time, "reached": reached})
    budgets = sorted({run.budget for run in runs})
    return rounded(
        {
            "dataset": dataset,
            "device": runs[0].facts["device"],
            "thresholds": {**taus, "budget": budgets[0], "rule": "params"},
            "times": times,
            "comparisons": comparisons(runs, arrivals, protocol),
            "calibration": [
                {"row": row.row, "cfid": row.value, "n": int(row.n)}
                for row in calibration[calibration["metric"] == "cfid"].itertuples()
            ],
        }
    )


def comparisons(runs: list[Run], arrivals: dict[tuple[str, int, str], int | None], protocol: Protocol) -> list[dict]:
    """Every variant over every reference of the protocol, by axis and threshold; seeds that both have, paired."""
    by_variant: dict[str, dict[int, Run]] = {}
    for run in runs:
        by_variant.setdefault(run.variant, {})[run.seed] = run
    references = [name for name in protocol.references if name in by_variant]
    rows = []
    for reference, new in product(references, sorted(by_variant)):
        seeds = sorted(by_variant[new].keys() & by_variant[reference].keys())
        if new == reference or not seeds:
            continue
        for axis, name in product(AXES, THRESHOLDS):
            pair = [by_variant[new][seeds[0]], by_variant[reference][seeds[0]]]
            horizon = min(run.budget * run.per_update(axis) for run in pair)  # the smaller end point of the two
            times = [
                [truncated(by_variant[v][s], arrivals[v, s, name], axis, horizon) for s in seeds]
                for v in (new, reference)
            ]
            rows.append(
                {
                    "new": new,
                    "reference": reference,
                    "axis": axis,
                    "threshold": name,
                    "ratio": speed_up(*times),
                    "n": len(seeds),
                    "reached_new": sum(reached for _, reached in times[0]),
                    "reached_reference": sum(reached for _, reached in times[1]),
                    **dict.fromkeys(("low", "high", "p", "p_holm", "verdict", "sentence")),
                }
            )
    return rows


def refuse_unlike(dataset: str, runs: list[Run]) -> None:
    """Runs of different devices, versions, engines or lengths must not be compared. Raises UserError naming them."""
    for key in ("device", "versions", "engine", "precision", "updates", "grid_ratio", "batch_size"):
        kinds: dict[str, list[str]] = {}
        for run in runs:
            kinds.setdefault(str(run.facts[key]), []).append(f"{run.variant}/seed-{run.seed}")
        if len(kinds) > 1:
            listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(kinds.items()))
            raise UserError(f"data set {dataset}: runs differ in {key} and cannot be compared: {listed}")


@dataclass(frozen=True)
class Plateau:
    """Where pilot runs level off, and the threshold and length that follow (the rule for B and tau)."""

    plateau: int
    cfid: float
    updates: int  # U, the smallest whose B is at least 1.5 x plateau
    threshold: dict[str, float]


def plateau(runs: list[Run], grid_ratio: float) -> Plateau | None:
    """The rule on pilot runs: None where they have not levelled off before the end of their grid.

    Plateau: the first snapshot from which the median cfid stays within 10 % of its minimum. tau25, tau and tau75 are
    the median cfid at the snapshots nearest to a quarter, a half and three quarters of it.
    """
    updates = runs[0].updates
    curve = [median(run.cfid[i] for run in runs) for i in range(len(updates))]
    within = [value <= 1.1 * min(curve) for value in curve]
    first = next(i for i in range(len(curve)) if all(within[i:])) if within[-1] else None
    if first is None or first >= len(updates) - 3:
        return None

    def near(update: float) -> float:
        return curve[min(range(len(updates)), key=lambda i: (abs(updates[i] - update), i))]

    length = next(u for u in range(12, 4 * updates[-1]) if budget(u, grid_ratio) >= 1.5 * updates[first])
    taus = {name: near(updates[first] * part) for name, part in zip(THRESHOLDS, (0.25, 0.5, 0.75), strict=True)}
    return Plateau(updates[first], min(curve), length, taus)


def rounded(value):
    """The same structure with every float to 10 significant digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value
