"""`ganspeed freeze`: length and thresholds of a study from its pilot, fixed and recorded before the main runs.

The rule is that of `study.threshold_rule` (docs/studies.md). Without a plateau, or with a tau that noise could reach,
the study is a demo: the record says why, and params.yaml does not change.
"""

from dataclasses import asdict, fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from ruamel.yaml.comments import CommentedMap

from ganspeed.compare.power import ENOUGH_POWER, pilot_model, power
from ganspeed.compare.read import read_calibration
from ganspeed.compare.records import PilotFacts, Preregistration
from ganspeed.compare.rounding import rounded
from ganspeed.compare.times import CURVE_METRICS, THRESHOLDS, RunCurve, curves_of
from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.params.datasets import Threshold
from ganspeed.params.edits import edit_params
from ganspeed.params.load import load_params
from ganspeed.scoring.sources import metric_sha256
from ganspeed.study import pilot
from ganspeed.study.threshold_rule import Rule, find_plateau
from ganspeed.system.files import read_json, reading, sha256_file, write_json
from ganspeed.types import RunFacts
from ganspeed.workspace import Workspace

POWER_RATIO = 1.5  # the printed power is that of finding this speed-up
STUDY_SPLIT = "test"  # what a study is scored on
REMEDY = "`make pilot` writes it"
SIGNIFICANT_DIGITS = 6  # digits of a threshold, in params.yaml and in the record alike


def freeze(workspace: Workspace, dataset: str) -> str:
    """Write preregistration/<dataset>.json and, if the rule gives them, params.yaml's values; returns a report.

    Raises UserError, nothing written, if the pilot is missing or not of the present params.
    """
    params = load_params(workspace.params)
    made, pilots = read_pilot(workspace, params, dataset)
    pixel_gaussian = _pixel_gaussian(workspace, dataset)
    rule = apply_rule(params, dataset, pilots, pixel_gaussian)

    def change(document: CommentedMap) -> None:
        block = document["datasets"][dataset]
        block["train"]["updates"] = rule.updates
        block["threshold"].update(rule.threshold)

    record = preregister(params, dataset, made, pilots, pixel_gaussian, rule)
    if not rule.reasons:
        edit_params(workspace.params, change, "frozen")
    write_json(workspace.preregistration(dataset), asdict(record))
    return summary(record)


def read_pilot(workspace: Workspace, params: Params, dataset: str) -> tuple[PilotFacts, list[RunCurve]]:
    """(the record's block `pilot`, its runs). Raises UserError if it is missing or not of the present params."""
    path = workspace.pilot(dataset)
    length = pilot.pilot_length(workspace, params, dataset)
    scores, label = _read_scores(path), _read_label(path.with_suffix(".json"))
    wanted = pilot.describe_pilot(params, dataset, length)
    if differing := [f"{key} {label.get(key)} instead of {wanted[key]}" for key in wanted
                     if label.get(key) != wanted[key]]:  # fmt: skip
        raise UserError(f"{path}: not the pilot of the present params: {'; '.join(differing)}; run `make pilot`")
    if label.get("sha256") != sha256_file(path):
        raise UserError(f"{path}: changed since the pilot wrote it; run `make pilot`")
    if missing := [metric for metric in CURVE_METRICS if metric not in set(scores["metric"])]:
        raise UserError(f"{path}: no {', '.join(missing)} among its metrics; run `make pilot`")
    with reading(path.with_suffix(".json"), REMEDY):
        made = PilotFacts(**{field.name: label[field.name] for field in fields(PilotFacts)})
        facts = {(made.variant, int(seed)): RunFacts(**run) for seed, run in label["runs"].items()}
    return made, curves_of(scores, facts)


def _read_scores(path: Path) -> pd.DataFrame:
    with reading(path, REMEDY):
        return pd.read_csv(path)


def _read_label(path: Path) -> dict[str, Any]:
    with reading(path, REMEDY):
        return TypeAdapter(dict[str, Any]).validate_python(read_json(path))


def apply_rule(params: Params, dataset: str, pilots: list[RunCurve], pixel_gaussian: float) -> Rule:
    """The rule for U and the thresholds on pilot runs."""
    block, lengths = params.dataset(dataset), {len(run.updates) for run in pilots}
    own = (block.train.updates, block.threshold.model_dump())
    if len(lengths) > 1 or any(run.failed for run in pilots):
        ended = ", ".join(f"seed {run.seed} at update {run.updates[-1]}" for run in pilots)
        lowest, reason = min(pilots[0].cfid), f"a pilot run diverged; they ended: {ended}"
        return Rule(None, rounded(lowest, SIGNIFICANT_DIGITS), *own, (reason,))
    found = find_plateau(pilots, block.train.grid_ratio)
    if found is None:
        lowest = min(median(values) for values in zip(*(run.cfid for run in pilots), strict=True))
        last = f"the median pilot cfid has not settled by the end of its {pilots[0].updates[-1]} updates"
        return Rule(None, rounded(lowest, SIGNIFICANT_DIGITS), *own, (f"no plateau: {last}",))
    found = rounded(found, SIGNIFICANT_DIGITS)
    tau25, tau, tau75 = (found.threshold[name] for name in THRESHOLDS)
    reasons = []
    if not tau < pixel_gaussian:
        reasons.append(f"tau {tau:g} is not below the pixel-Gaussian row {pixel_gaussian:g}")
    if not tau25 > tau > tau75:
        reasons.append(f"tau25 {tau25:g}, tau {tau:g}, tau75 {tau75:g} do not fall")
    return Rule(found.plateau, found.cfid, *own, tuple(reasons)) if reasons else found


def preregister(
    params: Params, dataset: str, made: PilotFacts, pilots: list[RunCurve], pixel_gaussian: float, rule: Rule
) -> Preregistration:
    """The record of the study to come. Raises UserError for more seeds than the exact test takes."""
    spread, chance = power_of_verdict(params, dataset, pilots, rule)
    block, names = params.dataset(dataset), params.compare.variants
    return Preregistration(
        dataset=dataset,
        pilot=made,
        plateau=rule.plateau,
        plateau_cfid=rule.cfid,
        pixel_gaussian=pixel_gaussian,
        threshold=rule.threshold,
        updates=rule.updates,
        axis=params.protocol.axis,
        data=block.data.model_dump(mode="json"),
        evaluate=params.evaluate.model_dump(mode="json") | {"split": STUDY_SPLIT, "samples": block.evaluate.samples},
        features=block.features.model_dump(mode="json"),
        guards=params.protocol.guards(),
        train=block.train.model_dump(mode="json") | {"updates": rule.updates},
        networks={name: params.networks(dataset, name).model_dump(mode="json") for name in names},
        variants={name: params.variant(name).resolved() for name in names},
        planned=[pair.model_dump() for pair in params.protocol.planned],
        seeds=list(params.compare.seeds),
        seed_offsets={name: params.variant(name).seed_offset for name in names},
        metric_sha256=metric_sha256(),
        sd_log_time=spread,
        power=chance,
        reasons=list(rule.reasons),
    )


def power_of_verdict(
    params: Params, dataset: str, pilots: list[RunCurve], rule: Rule
) -> tuple[float | None, dict | None]:
    """(standard deviation of log time to tau, chance that the study finds POWER_RATIO, guards included).

    Both None if every pilot run diverged: there is no model of a run then.
    """
    if all(run.failed for run in pilots):
        return None, None
    protocol, n = params.protocol, len(params.compare.seeds)
    threshold, grid_ratio = Threshold(**rule.threshold), params.dataset(dataset).train.grid_ratio
    model = pilot_model(pilots, threshold, protocol, rule.updates, grid_ratio)
    found = power(POWER_RATIO, n, model, protocol, np.random.default_rng(0), max(1, len(protocol.planned)))
    return rounded(model.sd_log_time), {"ratio": POWER_RATIO, "n": n, "power": found}


def summary(record: Preregistration) -> str:
    """What the command prints of the record."""
    dataset, made = record.dataset, record.pilot
    source = f"{len(made.seeds)} pilot runs of {made.variant}, {made.updates} updates, {made.split}"
    lines = [f"{dataset}: {source}"]
    if record.plateau is not None:
        lines.append(f"plateau: update {record.plateau}, lowest median cfid {record.plateau_cfid:.4g}")
    if record.reasons:
        lines += [f"demo: {reason}" for reason in record.reasons]
        lines.append("train.updates and threshold in params.yaml are unchanged: a study of them is a demo")
    else:
        lines.append(f"train.updates: {record.updates}")
        lines.append("threshold: " + ", ".join(f"{name} {value:g}" for name, value in record.threshold.items()))
    lines.append(_power_summary(record.power))
    lines.append(f"commit params.yaml and preregistration/{dataset}.json before the main runs, then: make repro")
    return "\n".join(lines)


def _power_summary(power: dict | None) -> str:
    if power is None:
        return "power of the verdict, guards included: unknown, since every pilot run diverged"
    what = f"power of the verdict, guards included, at {power['ratio']:g}x with {power['n']} seeds"
    return f"{what}: {power['power']:.0%}" + (", underpowered" if power["power"] < ENOUGH_POWER else "")


def _pixel_gaussian(workspace: Workspace, dataset: str) -> float:
    table = read_calibration(workspace, dataset)
    values = table[(table["row"] == "pixel_gaussian") & (table["metric"] == "cfid")]["value"]
    if values.empty:
        raise UserError(f"{workspace.calibration(dataset)}: no cfid of pixel_gaussian; run the stage `calibrate`")
    return float(values.iloc[0])
