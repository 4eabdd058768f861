"""Who is compared with whom, over which seeds, on which axes: the rows of `times`, `comparisons` and `area_ratios`."""

import math
from dataclasses import dataclass
from itertools import product

from ganspeed.compare.rounding import rounded
from ganspeed.compare.statistics import effect, holm
from ganspeed.compare.times import (
    AXES,
    SECOND,
    THRESHOLDS,
    RunCurve,
    grid_step,
    log_area,
    log_cfid,
    time_to_threshold,
    truncated,
)
from ganspeed.compare.verdict import Arm, evidence, measurements
from ganspeed.params.blocks import Protocol
from ganspeed.training.snapshot_grid import snapshot_updates

EMPTY = ("p_holm", "verdict", "reason", "sentence", "guards", "step")


@dataclass(frozen=True)
class PairedRuns:
    """The runs of one data set with their arrivals: (variant, seed, threshold) → generator updates, None if never."""

    runs: dict[str, dict[int, RunCurve]]  # variant → seed
    arrivals: dict[tuple[str, int, str], int | None]
    protocol: Protocol
    seconds_per_update: dict[str, float]  # empty: no seconds axis

    @property
    def axes(self) -> tuple[str, ...]:
        """The primary axis first, so that it is never the one that coincides with another."""
        known = AXES + (("seconds",) if self.seconds_per_update else ())
        return tuple(sorted(known, key=lambda axis: axis != self.protocol.axis))

    def per_update(self, run: RunCurve, axis: str) -> float:
        """Units of the axis that one generator update of the run costs."""
        return self.seconds_per_update[run.variant] if axis == "seconds" else run.per_update(axis)

    def time(self, run: RunCurve, axis: str, threshold: str, horizon: float) -> tuple[float, bool]:
        """(min(T, horizon) on the axis, whether T <= horizon)."""
        return truncated(self.arrivals[run.variant, run.seed, threshold], self.per_update(run, axis), horizon)


def pair_runs(
    runs: list[RunCurve], taus: dict[str, float], protocol: Protocol, seconds: dict[str, float]
) -> PairedRuns:
    by_variant: dict[str, dict[int, RunCurve]] = {}
    for run in runs:
        by_variant.setdefault(run.variant, {})[run.seed] = run
    arrivals = {
        (run.variant, run.seed, name): time_to_threshold(run, tau, protocol.consecutive, name)
        for run, (name, tau) in product(runs, taus.items())
    }
    return PairedRuns(by_variant, arrivals, protocol, seconds)


def times(study: PairedRuns, names: tuple[str, ...]) -> list[dict]:
    """Every run's time to every threshold on every axis, at its own horizon."""
    rows = []
    axes = [axis for axis in (*AXES, "seconds") if axis in study.axes]
    for seeds in study.runs.values():
        for run in seeds.values():
            end = run.budget
            for axis, name in product(axes, names):
                time, reached = study.time(run, axis, name, end * study.per_update(run, axis))
                cell = {"variant": run.variant, "seed": run.seed, "axis": axis, "threshold": name}
                rows.append(cell | {"time": time, "reached": reached})
    return rows


def pairs(study: PairedRuns) -> list[tuple[str, str, bool]]:
    """(new, reference, planned): the planned family first, then everything over the references, none twice."""
    planned = [(pair.new, pair.reference) for pair in study.protocol.planned]
    others = [(new, ref) for ref in study.protocol.references for new in sorted(study.runs) if new != ref]
    wanted = [(*pair, True) for pair in planned] + [(*pair, False) for pair in others if pair not in planned]
    return [(new, ref, is_planned) for new, ref, is_planned in wanted if _seeds(study, new, ref)]


def _seeds(study: PairedRuns, new: str, reference: str) -> list[int]:
    return sorted(study.runs.get(new, {}).keys() & study.runs.get(reference, {}).keys())


def comparisons(study: PairedRuns) -> list[dict]:
    """Every pair by axis and threshold over the seeds that both have; planned ones with their guards and Holm's p."""
    rows = []
    for new, reference, planned in pairs(study):
        seeds = _seeds(study, new, reference)
        arms = [[study.runs[variant][seed] for seed in seeds] for variant in (new, reference)]
        alike: dict[float, str] = {}  # ratio of the arms' scales → the first axis that has it
        for axis in study.axes:
            scales = [study.per_update(arm[0], axis) for arm in arms]
            first = alike.setdefault(scales[0] / scales[1], axis)
            horizon = min(arm[0].budget * scale for arm, scale in zip(arms, scales, strict=True))
            sides = [_arm(study, arm, axis, horizon) for arm in arms]
            for name in (*THRESHOLDS, SECOND):
                row = {"new": new, "reference": reference, "axis": axis, "threshold": name, "planned": planned}
                row |= {"same_as": None if first == axis else first, **dict.fromkeys(EMPTY)}
                judged = planned and axis == study.protocol.axis and name == "tau"
                found = (
                    evidence(*sides, study.protocol) if judged else measurements(*(arm.times[name] for arm in sides))
                )
                rows.append(rounded(row | found))
    _correct(rows, study.protocol)
    return rows


def _arm(study: PairedRuns, runs: list[RunCurve], axis: str, horizon: float) -> Arm:
    """The evidence of one arm on an axis, up to the horizon of its pair."""
    grid = snapshot_updates(runs[0].facts["updates"], runs[0].facts["grid_ratio"])
    scale = study.per_update(runs[0], axis)
    at = {name: [study.time(run, axis, name, horizon) for run in runs] for name in (*THRESHOLDS, SECOND)}
    return Arm(
        times=at,
        steps=[grid_step(grid, max(1, round(time / scale))) for time, _ in at["tau"]],
        final=[log_cfid(run.cfid[-1]) for run in runs],
        coverage=[run.coverage[-1][1] if run.coverage else math.nan for run in runs],
        failed=[run.failed for run in runs],
    )


def _correct(rows: list[dict], protocol: Protocol) -> None:
    """Holm over the whole planned family: a member without p, or without runs, counts as p = 1."""
    primary = {
        (row["new"], row["reference"]): row
        for row in rows
        if row["planned"] and row["axis"] == protocol.axis and row["threshold"] == "tau"
    }
    family = [primary.get((pair.new, pair.reference)) for pair in protocol.planned]
    adjusted = holm([row["p"] if row else None for row in family])
    for row, p in zip(family, adjusted, strict=True):
        if row:
            row["p_holm"] = p


def area_ratios(study: PairedRuns) -> list[dict]:
    """For every pair, how many times lower the cfid of the new arm is on average over log updates, with interval."""
    rows = []
    for new, reference, planned in pairs(study):
        areas = [[log_area(study.runs[v][s]) for v in (reference, new)] for s in _seeds(study, new, reference)]
        found = [ref - arm for ref, arm in areas if ref is not None and arm is not None]
        if found:
            e = effect(found)
            row = {"new": new, "reference": reference, "planned": planned, "ratio": e.ratio}
            rows.append(row | {"low": e.low, "high": e.high, "n": e.n})
    return rows
