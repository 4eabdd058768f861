"""All comparisons of one data set: the content of artifacts/comparison/<dataset>.json.

A pure function of scores, timing and the records of preregistration; the order of its arguments' rows does not matter.
"""

import math
from dataclasses import dataclass

import pandas as pd

from ganspeed.compare.pairing import area_ratios, comparisons, study_of, times
from ganspeed.compare.power import minimum_detectable_ratio
from ganspeed.compare.refusals import refuse_foreign_clock, refuse_incomplete, refuse_unlike
from ganspeed.compare.rounding import rounded
from ganspeed.compare.times import SECOND, THRESHOLDS, Run, log_area
from ganspeed.compare.verdict import decide, demo_reasons, untuned
from ganspeed.compare.wording import sentence
from ganspeed.params import Protocol, Threshold


@dataclass(frozen=True)
class Records:
    """What was written down before the study: preregistration/<dataset>.json and <dataset>-tuning.json, if any."""

    preregistration: dict | None = None
    tuning: dict | None = None


def compare(
    dataset: str,
    runs: list[Run],
    threshold: Threshold,
    protocol: Protocol,
    calibration: pd.DataFrame,
    seconds_per_update: dict[str, float] | None = None,
    records: Records | None = None,
    timed_on: str | None = None,
) -> dict:
    """The content of artifacts/comparison/<dataset>.json. Raises UserError where runs must not be paired.

    calibration: columns row, metric, value, n; seconds_per_update: variant → seconds of a run alone, empty or None for
    no seconds axis; timed_on: the device that these were measured on, where that is known.
    """
    runs = sorted(runs, key=lambda run: (run.variant, run.seed))
    refuse_unlike(dataset, runs)
    refuse_incomplete(dataset, runs, seconds_per_update or {})
    refuse_foreign_clock(dataset, runs, timed_on)
    records = records or Records()
    taus = {name: getattr(threshold, name) for name in THRESHOLDS} | {SECOND: threshold.tau_second}
    study = study_of(runs, taus, protocol, seconds_per_update or {})
    rows = comparisons(study)
    levels = calibration[calibration["metric"] == "cfid"].sort_values("row")
    gaussian = levels[levels["row"] == "pixel_gaussian"]["value"]
    weakest = None if gaussian.empty else float(gaussian.iloc[0])
    n_seeds = len({run.seed for run in runs})
    loose = untuned({run.variant: run.facts["variant"] for run in runs}, records.tuning)
    _judge(rows, dataset, runs[0].facts["device"], taus["tau"], weakest, protocol, records.preregistration, loose)
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


def _judge(
    rows: list[dict],
    dataset: str,
    device: str,
    tau: float,
    weakest: float | None,
    protocol: Protocol,
    record: dict | None,
    loose: list[str],
) -> None:
    """Verdict, reason and sentence of every pair, in its row of the primary axis at tau; `loose`: untuned variants."""
    for row in rows:
        if (row["axis"], row["threshold"]) != (protocol.axis, "tau"):
            continue
        untuned_arms = [arm for arm in (row["new"], row["reference"]) if arm in loose]
        if row["planned"] and untuned_arms:
            row["reason"] = f"untuned: {', '.join(untuned_arms)}"
        elif row["planned"]:
            demo = demo_reasons(row["n"], tau, weakest, record)
            row["verdict"], row["reason"] = decide(row, demo, protocol, _detectable(row["n"], record, protocol))
        same_pair = [o for o in rows if (o["new"], o["reference"]) == (row["new"], row["reference"])]
        others = [o for o in same_pair if o["threshold"] == "tau" and o is not row and o["same_as"] is None]
        row["sentence"] = sentence(row, dataset, device, tau, others)


def _detectable(n: int, record: dict | None, protocol: Protocol) -> float | None:
    """The smallest ratio that n seeds find by the spread of the pilot; None where no pilot tells one."""
    if record is None or record["sd_log_time"] is None:
        return None
    return minimum_detectable_ratio(n, record["sd_log_time"], len(protocol.planned))


def final(run: Run) -> dict:
    """What the guards see of one run: cfid and coverage of its last snapshot, null if not finite, and its failure."""
    coverage = run.coverage[-1][1] if run.coverage else math.nan
    values = {"cfid": run.cfid[-1], "coverage": coverage}
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {"variant": run.variant, "seed": run.seed, **finite, "failed": run.failed}


def rule(run: Run, threshold: Threshold, preregistration: dict | None) -> str:
    """`pilot` when threshold and length are what the rule gave and the record holds, `params` otherwise."""
    if preregistration is None or preregistration["reasons"]:
        return "params"
    frozen = (preregistration["threshold"], preregistration["updates"])
    return "pilot" if frozen == (threshold.model_dump(), run.facts["updates"]) else "params"
