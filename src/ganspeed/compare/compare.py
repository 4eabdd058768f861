"""All comparisons of one data set.

A pure function of scores, timing and the records in preregistration/; the order of runs and rows does not matter.
"""

import math
from dataclasses import dataclass, field, replace

import pandas as pd

from ganspeed.compare.comparable import check_comparable, check_timing
from ganspeed.compare.comparison import Area, CalibrationLevel, Comparison, FinalScores, Thresholds
from ganspeed.compare.differences import in_words
from ganspeed.compare.pairing import area_ratios, comparisons, pair_runs, times
from ganspeed.compare.power import minimum_detectable_ratio
from ganspeed.compare.records import Preregistration, StudyRecords, TuningRecord
from ganspeed.compare.rounding import rounded
from ganspeed.compare.rows import Row
from ganspeed.compare.sentence import sentence
from ganspeed.compare.times import RunCurve, log_area, taus_of
from ganspeed.compare.verdict import decide, demo_reasons, untuned, why_untuned
from ganspeed.params.blocks import Protocol
from ganspeed.params.datasets import Threshold


@dataclass(frozen=True)
class Clock:
    """What the stage `timing` measured: variant → seconds of a generator update, and on which device.

    Without seconds there is no axis of seconds.
    """

    seconds_per_update: dict[str, float] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True)
class VerdictRules:
    """What decides the verdict of every pair of a data set, beside its row."""

    dataset: str
    device: str
    tau: float
    pixel_gaussian: float | None  # cfid of the calibration's row of that name
    protocol: Protocol
    record: Preregistration | None
    tuning: TuningRecord | None
    untuned: list[str]

    def apply(self, rows: list[Row]) -> list[Row]:
        """The rows, those of the primary axis at tau with verdict (planned pairs alone), reason and sentence."""
        primary = (self.protocol.axis, "tau")
        return [self._with_verdict(row, rows) if (row.axis, row.threshold) == primary else row for row in rows]

    def _with_verdict(self, row: Row, rows: list[Row]) -> Row:
        verdict, reason = self.decide(row) if row.planned else (None, None)
        row = replace(row, verdict=verdict, reason=reason)
        alike = (row.new, row.reference, "tau", None)
        others = [o for o in rows if (o.new, o.reference, o.threshold, o.same_as) == alike and o.axis != row.axis]
        return replace(row, sentence=sentence(row, self.dataset, self.device, self.tau, others))

    def decide(self, row: Row) -> tuple[str | None, str | None]:
        """(verdict, reason) of a planned pair; no verdict if it differs beside the method, or if an arm is untuned."""
        reasons = [in_words(row.differs)] if row.differs else []
        if untuned_arms := [arm for arm in (row.new, row.reference) if arm in self.untuned]:
            reasons.append(why_untuned(untuned_arms, self.tuning))
        if reasons:
            return None, "; ".join(reasons)
        return decide(row, self.demo(row.n), self.protocol, self.detectable(row.n))

    def demo(self, n: int) -> list[str]:
        """Why n seeds are a demonstration only; empty if they are not."""
        return demo_reasons(n, self.tau, self.pixel_gaussian, self.record)

    def detectable(self, n: int) -> float | None:
        """The smallest ratio that n seeds find by the spread of the pilot; None without a pilot."""
        sd = self.record and self.record.sd_log_time
        return None if sd is None else minimum_detectable_ratio(n, sd, len(self.protocol.planned))


def compare_runs(
    dataset: str,
    runs: list[RunCurve],
    threshold: Threshold,
    protocol: Protocol,
    calibration: pd.DataFrame,
    clock: Clock,
    records: StudyRecords,
) -> Comparison:
    """Every comparison of these runs; UserError if they must not be compared. calibration: row, metric, value, n."""
    runs = sorted(runs, key=lambda run: (run.variant, run.seed))
    check_comparable(dataset, runs)
    check_timing(dataset, runs, clock.seconds_per_update, clock.device)
    taus, record = taus_of(threshold), records.preregistration
    levels = levels_of(calibration)
    pixel_gaussian = next((level.cfid for level in levels if level.row == "pixel_gaussian"), None)
    loose = untuned({run.variant: run.facts for run in runs}, records.tuning)
    rules = VerdictRules(
        dataset, runs[0].facts.device, taus["tau"], pixel_gaussian, protocol, record, records.tuning, loose
    )
    study, budget = pair_runs(runs, taus, protocol, clock.seconds_per_update), max(run.budget for run in runs)
    found = Comparison(
        dataset=dataset,
        device=rules.device,
        axis=protocol.axis,
        guards=protocol.guards(),
        power=record and record.power,
        thresholds=Thresholds(**taus, budget=budget, rule=threshold_source(runs, threshold, record)),
        demo=rules.demo(len({run.seed for run in runs})),
        untuned=loose,
        seconds_per_update=dict(sorted(clock.seconds_per_update.items())),
        times=times(study),
        comparisons=rules.apply(comparisons(study)),
        areas=[Area(run.variant, run.seed, log_area(run)) for run in runs],
        area_ratios=area_ratios(study),
        final=[final(run) for run in runs],
        calibration=levels,
    )
    return rounded(found)


def levels_of(calibration: pd.DataFrame) -> list[CalibrationLevel]:
    """cfid of each row of the calibration, by the row's name."""
    rows = calibration[calibration["metric"] == "cfid"].sort_values("row")
    return [CalibrationLevel(row.row, row.value, int(row.n)) for row in rows.itertuples()]


def final(run: RunCurve) -> FinalScores:
    """What the guards see of a run at its last snapshot."""
    cfid, coverage = (value if math.isfinite(value) else None for value in (run.cfid[-1], run.last_coverage))
    return FinalScores(run.variant, run.seed, run.failed, cfid, coverage)


def threshold_source(runs: list[RunCurve], threshold: Threshold, record: Preregistration | None) -> str:
    """`pilot` if threshold and every run's length are those that the record has from the rule, `params` otherwise."""
    if record is None or record.reasons:
        return "params"
    lengths = {run.facts.updates for run in runs}
    return "pilot" if (record.threshold, {record.updates}) == (threshold.model_dump(), lengths) else "params"
