"""`ganspeed freeze`: length and thresholds of a study from its pilot, fixed and recorded before the main runs.

The rule (docs/studies.md): plateau, U and the three thresholds as in `compare.plateau`; tau_second is the median
cfid_second at the very snapshot that gave tau. Without a plateau, or with a tau that noise could reach, the study is a
demo: the record says why, and params.yaml keeps its own values.
"""

import math
from dataclasses import dataclass
from statistics import median, stdev

import numpy as np
import pandas as pd
from ruamel.yaml.comments import CommentedMap

from ganspeed import compare, pilot
from ganspeed import params as parameters
from ganspeed.compare import Run
from ganspeed.edits import edit
from ganspeed.errors import UserError
from ganspeed.files import read_json, write_json
from ganspeed.params import Params
from ganspeed.preregistration import metric_sha256, resolved
from ganspeed.workspace import Workspace

RATIO = 1.5  # the speed-up whose detection the printed power is about
SIGNIFICANT = 6  # digits of a threshold, in params.yaml and in the record alike


@dataclass(frozen=True)
class Rule:
    """What the pilot gives; `reasons` why it gives a demo only, and then length and thresholds are params' own."""

    plateau: int | None
    cfid: float
    updates: int
    threshold: dict[str, float]
    reasons: list[str]


def freeze(workspace: Workspace, dataset: str) -> str:
    """Write preregistration/<dataset>.json and, where the rule gives them, params.yaml's values; returns a report.

    Raises UserError, nothing written, where the pilot is missing or not of the present params.
    """
    params = parameters.load(workspace.params)
    label, cfid, second = read_pilot(workspace, params, dataset)
    pixel_gaussian = _pixel_gaussian(workspace, dataset)
    rule = apply_rule(params, dataset, cfid, second, pixel_gaussian)

    def change(document: CommentedMap) -> None:
        block = document["datasets"][dataset]
        block["train"]["updates"] = rule.updates
        for name, value in rule.threshold.items():
            block["threshold"][name] = value

    if not rule.reasons:
        edit(workspace.params, change, "frozen")
    content = record(parameters.load(workspace.params), dataset, label, cfid, pixel_gaussian, rule)
    write_json(workspace.preregistration(dataset), content)
    return told(content)


def read_pilot(workspace: Workspace, params: Params, dataset: str) -> tuple[dict, list[Run], list[Run]]:
    """(what the pilot was made with, its runs, the same with cfid_second for cfid). Raises UserError."""
    path = workspace.pilot(dataset)
    length = pilot.length(workspace, params, dataset)
    for part in (path, path.with_suffix(".json")):
        if not part.exists():
            raise UserError(f"{part}: no such file; `make pilot` writes it")
    label, scores = read_json(path.with_suffix(".json")), pd.read_csv(path)
    made = (label["variant"], label["seeds"], label["updates"])
    wanted = (params.pilot.variant, list(params.pilot.seeds), length)
    if made != wanted:
        raise UserError(
            f"{path}: a pilot of {made} (variant, seeds, updates), params ask for {wanted}; run `make pilot`"
        )
    if "cfid_second" not in set(scores["metric"]):
        raise UserError(f"{path}: no cfid_second among its metrics; run `make pilot`")
    facts = {(label["variant"], int(seed)): fact for seed, fact in label["runs"].items()}
    second = scores[scores["metric"] == "cfid_second"].assign(metric="cfid")
    return label, compare.runs_of(scores, facts), compare.runs_of(second, facts)


def apply_rule(params: Params, dataset: str, cfid: list[Run], second: list[Run], pixel_gaussian: float) -> Rule:
    """The rule for U and the thresholds on pilot runs; those of `second` hold cfid_second."""
    block, lengths = params.dataset(dataset), {len(run.updates) for run in cfid}
    own = (block.train.updates, block.threshold.model_dump())
    if len(lengths) > 1 or any(run.facts["status"] == "diverged" for run in cfid):
        ended = ", ".join(f"seed {run.seed} at update {run.updates[-1]}" for run in cfid)
        return Rule(None, min(cfid[0].cfid), *own, [f"a pilot run diverged; they ended: {ended}"])
    updates = cfid[0].updates
    lowest = min(median(run.cfid[i] for run in cfid) for i in range(len(updates)))
    found = compare.plateau(cfid, block.train.grid_ratio)
    if found is None:
        last = f"the median pilot cfid still falls at the end of its {updates[-1]} updates"
        return Rule(None, _rounded(lowest), *own, [f"no plateau: {last}"])
    half = min(range(len(updates)), key=lambda i: (abs(updates[i] - 0.5 * found.plateau), i))
    taus = {**found.threshold, "tau_second": median(run.cfid[half] for run in second)}
    taus = {name: _rounded(value) for name, value in taus.items()}
    reasons = []
    if not taus["tau"] < pixel_gaussian:
        reasons.append(f"tau {taus['tau']:g} is not below the pixel-Gaussian row {pixel_gaussian:g}")
    if not taus["tau25"] > taus["tau"] > taus["tau75"]:
        reasons.append(f"tau25 {taus['tau25']:g}, tau {taus['tau']:g}, tau75 {taus['tau75']:g} do not fall")
    length, threshold = own if reasons else (found.updates, taus)
    return Rule(found.plateau, _rounded(found.cfid), length, threshold, reasons)


def record(params: Params, dataset: str, label: dict, pilots: list[Run], pixel_gaussian: float, rule: Rule) -> dict:
    """The content of preregistration/<dataset>.json; `params` as they are after the freeze."""
    n = len(params.compare.seeds)
    spread, power = power_of_verdict(params, dataset, pilots, n)
    return {
        "dataset": dataset,
        "pilot": {key: label[key] for key in ("variant", "seeds", "split", "updates")},
        "plateau": rule.plateau,
        "plateau_cfid": rule.cfid,
        "pixel_gaussian": pixel_gaussian,
        "threshold": rule.threshold,
        "updates": rule.updates,
        "axis": params.protocol.axis,
        "grid_ratio": params.dataset(dataset).train.grid_ratio,
        "variants": resolved(params, params.compare.variants),
        "planned": [pair.model_dump() for pair in params.protocol.planned],
        "seeds": list(params.compare.seeds),
        "metric_sha256": metric_sha256(),
        "sd_log_time": spread,
        "power": {"ratio": RATIO, "n": n, "power": power},
        "reasons": rule.reasons,
    }


def sd_log_time(pilots: list[Run], tau: float, consecutive: int) -> float | None:
    """Standard deviation over the pilot's seeds of log time to tau; not reached counts as B; None for one seed."""
    times = [compare.time_to_threshold(run, tau, consecutive) or run.budget for run in pilots]
    return float(f"{stdev(map(math.log, times)):.10g}") if len(times) > 1 else None


def power_of_verdict(params: Params, dataset: str, pilots: list[Run], n: int) -> tuple[float | None, float | None]:
    """(sd of log time to tau, chance that the whole verdict finds a planted RATIO with n seeds); None where unknown.

    The seam to the simulation: whatever it needs of the pilot and the params goes through here.
    """
    block, protocol = params.dataset(dataset), params.protocol
    try:
        from ganspeed.compare.power import pilot_model, power
    except ImportError:
        return sd_log_time(pilots, block.threshold.tau, protocol.consecutive), None
    model = pilot_model(pilots, block.threshold, protocol, block.train.updates, block.train.grid_ratio)
    found = power(RATIO, n, model, protocol, np.random.default_rng(0), family=max(1, len(protocol.planned)))
    return model.sd_log_time, found


def told(content: dict) -> str:
    """The record in words, for who has just frozen a study."""
    dataset, made = content["dataset"], content["pilot"]
    source = f"{len(made['seeds'])} pilot runs of {made['variant']}, {made['updates']} updates, {made['split']}"
    written = f"commit params.yaml and preregistration/{dataset}.json before the main runs, then: make repro"
    lines = [f"{dataset}: {source}"]
    if content["plateau"] is not None:
        lines.append(f"plateau: update {content['plateau']}, lowest median cfid {content['plateau_cfid']:.4g}")
    if content["reasons"]:
        lines += [f"demo: {reason}" for reason in content["reasons"]]
        lines.append("train.updates and threshold in params.yaml stay as they are: a study of them is a demo")
    else:
        lines.append(f"train.updates: {content['updates']}")
        lines.append("threshold: " + ", ".join(f"{name} {value:g}" for name, value in content["threshold"].items()))
    lines += [_power_told(content["power"]), written]
    return "\n".join(lines)


def _power_told(power: dict) -> str:
    what = f"power of the whole verdict at {power['ratio']:g}x with {power['n']} seeds"
    if power["power"] is None:
        return f"{what}: not computed"
    return f"{what}: {power['power']:.0%}" + (", underpowered" if power["power"] < 0.8 else "")


def _pixel_gaussian(workspace: Workspace, dataset: str) -> float:
    path = workspace.calibration(dataset)
    if not path.exists():
        raise UserError(f"{path}: no such file; the stage calibrate writes it")
    table = pd.read_csv(path)
    return float(table[(table["row"] == "pixel_gaussian") & (table["metric"] == "cfid")]["value"].iloc[0])


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")
