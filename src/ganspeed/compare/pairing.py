"""Who is compared with whom, over which seeds, on which axes: the rows of `times`, `comparisons` and `area_ratios`."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from ganspeed.compare.comparison import AreaRatio
from ganspeed.compare.differences import differences_of
from ganspeed.compare.rounding import rounded
from ganspeed.compare.rows import Row, TimeToThreshold
from ganspeed.compare.statistics import effect, holm
from ganspeed.compare.times import ALL_THRESHOLDS, AXES, RunCurve, grid_step, log_area, time_to_threshold, truncated
from ganspeed.compare.verdict import Arm, evidence, measurements
from ganspeed.params.blocks import Protocol
from ganspeed.training.snapshot_grid import snapshot_updates


@dataclass(frozen=True)
class Pair:
    """Two variants over the seeds that both have."""

    new: str
    reference: str
    planned: bool
    runs: tuple[list[RunCurve], list[RunCurve]]  # of new and of reference, both in the order of the seeds


@dataclass(frozen=True)
class PairedRuns:
    """The runs of one data set with their arrivals: (variant, seed, threshold) → generator updates, None if never."""

    runs: dict[str, dict[int, RunCurve]]  # variant → seed → run
    arrivals: dict[tuple[str, int, str], int | None]
    protocol: Protocol
    seconds_per_update: dict[str, float]  # empty: no seconds axis

    @property
    def axes(self) -> tuple[str, ...]:
        """The primary axis first, so that it is never the one that coincides with another."""
        known = AXES + (("seconds",) if self.seconds_per_update else ())
        return tuple(sorted(known, key=lambda axis: axis != self.protocol.axis))

    @property
    def pairs(self) -> list[Pair]:
        """The planned family first, then everything over the references; none twice, none without a common seed."""
        wanted = wanted_pairs(self.protocol, self.runs)
        found = [Pair(*pair, planned, self.paired(*pair)) for pair, planned in wanted.items()]
        return [pair for pair in found if pair.runs[0]]

    def paired(self, new: str, reference: str) -> tuple[list[RunCurve], list[RunCurve]]:
        """The runs of two variants with the seeds that both have, ascending."""
        arms = self.runs.get(new, {}), self.runs.get(reference, {})
        seeds = sorted(arms[0].keys() & arms[1].keys())
        return [arms[0][seed] for seed in seeds], [arms[1][seed] for seed in seeds]

    def at(self, run: RunCurve, axis: str, update: int) -> float:
        """Units of the axis from the run's beginning to the end of this update."""
        return update * self.seconds_per_update[run.variant] if axis == "seconds" else run.at(axis, update)

    def update_at(self, run: RunCurve, axis: str, units: float) -> int:
        """The update, 1 at least, that lies nearest to so many units of the axis."""
        updates = range(1, run.facts.updates + 1)
        after = bisect_left(updates, units, key=lambda update: self.at(run, axis, update))
        around = updates[max(0, after - 1) : after + 1]
        return min(around, key=lambda update: abs(self.at(run, axis, update) - units))

    def time(self, run: RunCurve, axis: str, threshold: str, horizon: float) -> tuple[float, bool]:
        """(min(T, horizon) on the axis, whether T <= horizon)."""
        arrival = self.arrivals[run.variant, run.seed, threshold]
        return truncated(None if arrival is None else self.at(run, axis, arrival), horizon)


def wanted_pairs(protocol: Protocol, variants: Iterable[str]) -> dict[tuple[str, str], bool]:
    """(new, reference) of these variants → whether planned: the planned family first, then all over the references."""
    known, planned = set(variants), [(pair.new, pair.reference) for pair in protocol.planned]
    others = [(new, ref) for ref in protocol.references for new in sorted(known) if new != ref]
    pairs = dict.fromkeys([*planned, *others])
    return {pair: pair in planned for pair in pairs if known >= {*pair}}


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


def times(study: PairedRuns) -> list[TimeToThreshold]:
    """Every run's time to every threshold on every axis, at its own horizon."""
    axes = [axis for axis in (*AXES, "seconds") if axis in study.axes]
    runs = [run for seeds in study.runs.values() for run in seeds.values()]
    rows = []
    for run, axis, threshold in product(runs, axes, ALL_THRESHOLDS):
        time, reached = study.time(run, axis, threshold, study.at(run, axis, run.budget))
        rows.append(TimeToThreshold(run.variant, run.seed, axis, threshold, time, reached))
    return rows


def comparisons(study: PairedRuns) -> list[Row]:
    """Every pair by axis and threshold; planned ones on the primary axis at tau with their guards and Holm's p."""
    rows = [rounded(row) for pair in study.pairs for row in _rows(study, pair)]
    return _with_holm(rows, study.protocol)


def _rows(study: PairedRuns, pair: Pair) -> Iterator[Row]:
    differs = differences_of(*(runs[0].facts for runs in pair.runs))
    first: dict[float | str, str] = {}  # ratio of the arms' costs of an update → the first axis that has it
    for axis in study.axes:
        same_as = first.setdefault(_ratio_of_costs(study, pair, axis), axis)
        horizon = min(study.at(runs[0], axis, runs[0].budget) for runs in pair.runs)
        arms = [_arm(study, runs, axis, horizon) for runs in pair.runs]
        for threshold in ALL_THRESHOLDS:
            primary = pair.planned and (axis, threshold) == (study.protocol.axis, "tau")
            row = evidence(*arms, axis, study.protocol) if primary else measurements(*arms, axis, threshold)
            same_as_other = None if same_as == axis else same_as
            yield replace(row, planned=pair.planned, differs=differs, same_as=same_as_other)


def _ratio_of_costs(study: PairedRuns, pair: Pair, axis: str) -> float | str:
    """Of an update of either arm: axes of one ratio show the same. The axis itself where updates differ in cost."""
    new, reference = (runs[0] for runs in pair.runs)
    if not (new.counts.is_constant and reference.counts.is_constant):
        return axis
    return study.at(new, axis, 1) / study.at(reference, axis, 1)


def _arm(study: PairedRuns, runs: list[RunCurve], axis: str, horizon: float) -> Arm:
    """One arm of a pair on an axis, up to the horizon of the pair."""
    grid = snapshot_updates(runs[0].facts.updates, runs[0].facts.grid_ratio)
    at = {name: [study.time(run, axis, name, horizon) for run in runs] for name in ALL_THRESHOLDS}
    return Arm(
        variant=runs[0].variant,
        times=at,
        steps=[grid_step(grid, study.update_at(runs[0], axis, time)) for time, _ in at["tau"]],
        final=[run.last_log_cfid for run in runs],
        coverage=[run.last_coverage for run in runs],
        failed=[run.failed for run in runs],
    )


def _with_holm(rows: list[Row], protocol: Protocol) -> list[Row]:
    """Holm over the planned family: a member without p, or without runs, counts as p = 1."""
    family = [(pair.new, pair.reference) for pair in protocol.planned]
    p_values = {(row.new, row.reference): row.p for row in rows if row.guards is not None}
    adjusted = dict(zip(family, holm([p_values.get(pair) for pair in family]), strict=True))
    return [replace(row, p_holm=adjusted[row.new, row.reference]) if row.guards is not None else row for row in rows]


def area_ratios(study: PairedRuns) -> list[AreaRatio]:
    """For every pair, how many times lower the cfid of the new arm is on average over log updates, with interval."""
    rows = []
    for pair in study.pairs:
        areas = [(log_area(reference), log_area(new)) for new, reference in zip(*pair.runs, strict=True)]
        found = [reference - new for reference, new in areas if reference is not None and new is not None]
        if found:
            e = effect(found)
            rows.append(AreaRatio(pair.new, pair.reference, pair.planned, e.ratio, e.low, e.high, e.n))
    return rows
