"""One planned comparison: the evidence of two arms on the primary axis, its guards, and the verdict they add up to.

`weigh` and `decide` are all there is to a verdict: the comparison of a study and the simulated studies behind its power
go through them alike.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ganspeed.compare.rounding import rounded
from ganspeed.compare.statistics import ALPHA, MIN_PAIRS, effect, limits, ratio
from ganspeed.compare.times import SECOND, THRESHOLDS
from ganspeed.params.blocks import Protocol

MIN_SEEDS = 8  # a planned comparison of fewer is a demonstration
ENOUGH_REACHED = 0.9
FASTER, SLOWER, EQUIVALENT, NO_EVIDENCE = "FASTER", "SLOWER", "EQUIVALENT", "NO EVIDENCE"


@dataclass(frozen=True)
class Arm:
    """One arm on the primary axis, every list in the order of the paired seeds."""

    times: dict[str, Sequence[tuple[float, bool]]]  # tau25, tau, tau75, second → (min(T, horizon), T <= horizon)
    steps: Sequence[float]  # log ratio of T at tau to the snapshot before it
    final: Sequence[float]  # log cfid of the last snapshot
    coverage: Sequence[float]  # of the last snapshot that has it
    failed: Sequence[bool]


def differences(new: Sequence[tuple[float, bool]], reference: Sequence[tuple[float, bool]]) -> list[float]:
    """Log time of the reference minus log time of the new arm, for each pair."""
    return [math.log(r) - math.log(n) for (n, _), (r, _) in zip(new, reference, strict=True)]


def measurements(new: Sequence[tuple[float, bool]], reference: Sequence[tuple[float, bool]]) -> dict:
    """What a row of `comparisons` says of one axis and threshold, the correction over the family left out."""
    found = asdict(effect(differences(new, reference)))
    for name, times in (("new", new), ("reference", reference)):
        found[f"reached_{name}"] = sum(reached for _, reached in times)
        found[f"rmst_{name}"] = math.fsum(time for time, _ in times) / len(times)
    return found


def evidence(new: Arm, reference: Arm, protocol: Protocol) -> dict:
    """The evidence at tau: `measured`, the guards of the arm that is ahead, and `step`.

    `step` is the grid's step as a ratio: by so much the interval may be off, since a time is known to lie between two
    snapshots only. None where a time is that of the first snapshot.
    """
    found = measurements(new.times["tau"], reference.times["tau"])
    ahead = found["ratio"] >= 1
    guards = check_guards(new, reference, protocol) if ahead else check_guards(reference, new, protocol)
    step = math.exp(max(math.fsum(arm.steps) / len(arm.steps) for arm in (new, reference)))
    return found | {"guards": guards, "step": step if math.isfinite(step) else None}


def check_guards(ahead: Arm, behind: Arm, protocol: Protocol) -> dict[str, dict]:
    """Name → {value, bound, ok}: what the arm that is ahead must not have paid for its speed.

    Speed is no gain if the result is worse, so the guards hold the arm that is ahead to account, whichever it is: a
    comparison and its reverse give opposite verdicts. `tau25`, `tau75` and `second` are its speed-ups there, and must
    exceed 1 too. A value that is not finite or cannot be had is null and not ok.
    """
    final = limits([a - b for a, b in zip(ahead.final, behind.final, strict=True)], ALPHA)[1]
    drop = math.fsum(behind.coverage) / len(behind.coverage) - math.fsum(ahead.coverage) / len(ahead.coverage)
    extra = sum(ahead.failed) - sum(behind.failed)
    final = None if final is None or not math.isfinite(final) else rounded(math.exp(final))
    drop = rounded(drop) if math.isfinite(drop) else None
    found = {
        "final_cfid": {"value": final, "bound": protocol.margin},
        "coverage": {"value": drop, "bound": protocol.max_coverage_drop},
        "failures": {"value": extra, "bound": protocol.max_extra_failures},
    }
    found["final_cfid"]["ok"] = final is not None and final < protocol.margin
    found["coverage"]["ok"] = drop is not None and drop <= protocol.max_coverage_drop
    found["failures"]["ok"] = extra <= protocol.max_extra_failures
    for name in (*(t for t in THRESHOLDS if t != "tau"), SECOND):
        there = rounded(ratio(differences(ahead.times[name], behind.times[name])))
        found[name] = {"value": there, "bound": 1.0, "ok": there > 1}
    return found


def decide(row: dict, demo: Sequence[str], protocol: Protocol, detectable: float | None) -> tuple[str, str | None]:
    """(verdict, reason) of a planned comparison of tuned arms: the first of the protocol's list that applies.

    `row` is what `weigh` found, rounded, with p_holm; `demo` says why the study is a demonstration, if it is;
    `detectable` is the smallest ratio that so many seeds find with 80 % power: infinite if there is none, None where
    no pilot says so.
    """
    if demo:
        return NO_EVIDENCE, f"the study is a demo: {'; '.join(demo)}"
    if row["n"] < MIN_PAIRS:
        return NO_EVIDENCE, f"{row['n']} paired seeds are fewer than {MIN_PAIRS}"
    short = [arm for arm in ("new", "reference") if row[f"reached_{arm}"] < ENOUGH_REACHED * row["n"]]
    if short:
        names = " and ".join(row[arm] for arm in short)
        return NO_EVIDENCE, f"{names} reached tau in fewer than 90 % of the seeds"
    if row["p_holm"] < ALPHA and not row["low"] <= 1 <= row["high"]:
        word = FASTER if row["ratio"] > 1 else SLOWER
        failed = [name for name, found in row["guards"].items() if not found["ok"]]
        return (f"{word}, GUARD FAILED: {', '.join(failed)}" if failed else word), None
    if row["ties"] == row["n"]:
        return NO_EVIDENCE, f"all {row['n']} pairs tie, so that they do not tell how far such times spread"
    lowest, highest = protocol.equivalence
    step = row["step"]
    if step is not None and lowest <= row["low"] / step and row["high"] * step <= highest:
        return EQUIVALENT, None
    if detectable == math.inf:
        return NO_EVIDENCE, f"{row['n']} seeds are too few to find any ratio in a family of this size"
    smallest = "unknown without a pilot" if detectable is None else f"{detectable:.3g}"
    return NO_EVIDENCE, f"the smallest ratio that {row['n']} seeds find with 80 % power is {smallest}"


def demo_reasons(n: int, tau: float, pixel_gaussian: float | None, preregistration: dict | None) -> list[str]:
    """Why a comparison of n paired seeds can be no more than a demonstration; empty if nothing says so."""
    found = [f"fewer than {MIN_SEEDS} seeds: {n}"] if n < MIN_SEEDS else []
    if preregistration is not None:
        found += preregistration["reasons"]
        if preregistration["plateau"] is None and not preregistration["reasons"]:
            found.append("the pilot found no plateau")
    if pixel_gaussian is not None and tau >= pixel_gaussian:
        found.append(f"tau {tau:g} is not below the pixel-Gaussian row {pixel_gaussian:.3g}")
    return list(dict.fromkeys(found))


def untuned(blocks: dict[str, dict], tuning: dict | None) -> list[str]:
    """Those of the variants whose resolved block no equal tuning chose, whatever their names.

    An equal tuning had the same number of trials for every arm of its record.
    """
    if tuning is None or len(set(tuning["trials"].values())) != 1:
        return list(blocks)
    return [name for name, block in blocks.items() if block not in tuning["chosen"].values()]
