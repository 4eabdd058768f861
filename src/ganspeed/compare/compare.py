"""All comparisons of one data set: the content of artifacts/comparison/<dataset>.json.

A pure function of scores, timing and the records of preregistration; the order of its arguments' rows does not matter.
"""

import math
from dataclasses import dataclass, field

import pandas as pd

from ganspeed.compare.comparable import refuse_foreign_clock, refuse_incomplete, refuse_unlike
from ganspeed.compare.pairing import area_ratios, comparisons, pair_runs, times
from ganspeed.compare.power import minimum_detectable_ratio
from ganspeed.compare.rounding import rounded
from ganspeed.compare.sentence import sentence
from ganspeed.compare.times import SECOND, THRESHOLDS, RunCurve, log_area
from ganspeed.compare.verdict import decide, demo_reasons, untuned
from ganspeed.params.blocks import Protocol
from ganspeed.params.datasets import Threshold


@dataclass(frozen=True)
class Clock:
    """What stage `timing` measured: variant → seconds that a generator update takes alone, and on which device.

    An empty clock gives no axis of seconds.
    """

    seconds_per_update: dict[str, float] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True)
class StudyRecords:
    """What was written down before the study: preregistration/<dataset>.json and <dataset>-tuning.json, if any."""

    preregistration: dict | None = None
    tuning: dict | None = None


def compare_runs(
    dataset: str,
    runs: list[RunCurve],
    threshold: Threshold,
    protocol: Protocol,
    calibration: pd.DataFrame,
    clock: Clock = Clock(),
    records: StudyRecords = StudyRecords(),
) -> dict:
    """The content of artifacts/comparison/<dataset>.json. Raises UserError where runs must not be paired.

    calibration: columns row, metric, value, n.
    """
    runs = sorted(runs, key=lambda run: (run.variant, run.seed))
    refuse_unlike(dataset, runs)
    refuse_incomplete(dataset, runs, clock.seconds_per_update)
    refuse_foreign_clock(dataset, runs, clock.device)
    taus = {name: getattr(threshold, name) for name in THRESHOLDS} | {SECOND: threshold.tau_second}
    study = pair_runs(runs, taus, protocol, clock.seconds_per_update)
    rows = comparisons(study)
    levels = calibration[calibration["metric"] == "cfid"].sort_values("row")
    gaussian = levels[levels["row"] == "pixel_gaussian"]["value"]
    weakest = None if gaussian.empty else float(gaussian.iloc[0])
    n_seeds = len({run.seed for run in runs})
    loose = untuned({run.variant: run.facts["variant"] for run in runs}, records.tuning)
    court = VerdictRules(
        dataset, runs[0].facts["device"], taus["tau"], weakest, protocol, records.preregistration, loose
    )
    court.judge(rows)
    found = {
        "dataset": dataset,
        "device": runs[0].facts["device"],
        "axis": protocol.axis,
        "guards": protocol.guards(),
        "power": records.preregistration and records.preregistration["power"],
        "thresholds": {**taus, "budget": runs[0].budget, "rule": rule(runs[0], threshold, records.preregistration)},
        "demo": demo_reasons(n_seeds, taus["tau"], weakest, records.preregistration),
        "untuned": loose,
        "seconds_per_update": dict(sorted(study.seconds_per_update.items())),
        "times": times(study, (*THRESHOLDS, SECOND)),
        "comparisons": rows,
        "areas": [{"variant": run.variant, "seed": run.seed, "area": log_area(run)} for run in runs],
        "area_ratios": area_ratios(study),
        "final": [final(run) for run in runs],
        "calibration": [{"row": row.row, "cfid": row.value, "n": int(row.n)} for row in levels.itertuples()],
    }
    return rounded(found)


@dataclass(frozen=True)
class VerdictRules:
    """What every pair of a data set is judged by."""

    dataset: str
    device: str
    tau: float
    pixel_gaussian: float | None
    protocol: Protocol
    record: dict | None  # the preregistration
    untuned: list[str]

    def judge(self, rows: list[dict]) -> None:
        """Verdict, reason and sentence of every pair, in its row of the primary axis at tau."""
        for row in rows:
            if (row["axis"], row["threshold"]) != (self.protocol.axis, "tau"):
                continue
            if row["planned"]:
                row["verdict"], row["reason"] = self.decide(row)
            same_pair = [o for o in rows if (o["new"], o["reference"]) == (row["new"], row["reference"])]
            others = [o for o in same_pair if o["threshold"] == "tau" and o is not row and o["same_as"] is None]
            row["sentence"] = sentence(row, self.dataset, self.device, self.tau, others)

    def decide(self, row: dict) -> tuple[str | None, str | None]:
        """(verdict, reason) of a planned pair; no verdict where an arm is untuned."""
        if untuned_arms := [arm for arm in (row["new"], row["reference"]) if arm in self.untuned]:
            return None, f"untuned: {', '.join(untuned_arms)}"
        demo = demo_reasons(row["n"], self.tau, self.pixel_gaussian, self.record)
        return decide(row, demo, self.protocol, self.detectable(row["n"]))

    def detectable(self, n: int) -> float | None:
        """The smallest ratio that n seeds find by the spread of the pilot; None where no pilot tells one."""
        if self.record is None or self.record["sd_log_time"] is None:
            return None
        return minimum_detectable_ratio(n, self.record["sd_log_time"], len(self.protocol.planned))


def final(run: RunCurve) -> dict:
    """What the guards see of one run: cfid and coverage of its last snapshot, null if not finite, and its failure."""
    coverage = run.coverage[-1][1] if run.coverage else math.nan
    values = {"cfid": run.cfid[-1], "coverage": coverage}
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"variant": run.variant, "seed": run.seed, **finite, "failed": run.failed}


def rule(run: RunCurve, threshold: Threshold, preregistration: dict | None) -> str:
    """`pilot` when threshold and length are what the rule gave and the record holds, `params` otherwise."""
    if preregistration is None or preregistration["reasons"]:
        return "params"
    frozen = (preregistration["threshold"], preregistration["updates"])
    return "pilot" if frozen == (threshold.model_dump(), run.facts["updates"]) else "params"
