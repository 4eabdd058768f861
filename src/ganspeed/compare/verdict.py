"""One planned comparison: the evidence of two arms on the primary axis, its guards, and the verdict they add up to.

`evidence` and `decide` make every verdict: the comparison of a study and the simulated studies behind its power both go
through them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ganspeed.compare.differences import networks_of
from ganspeed.compare.records import Preregistration, TuningRecord
from ganspeed.compare.rounding import rounded
from ganspeed.compare.rows import Guard, Row
from ganspeed.compare.statistics import ALPHA, MIN_PAIRS, effect, limits, ratio
from ganspeed.compare.times import ALL_THRESHOLDS
from ganspeed.params.blocks import Protocol
from ganspeed.params.variants import with_defaults
from ganspeed.types import RunFacts

MIN_SEEDS = 8  # a planned comparison of fewer is a demonstration
ENOUGH_REACHED = 0.9  # share of an arm's seeds
FASTER, SLOWER, EQUIVALENT, NO_EVIDENCE = "FASTER", "SLOWER", "EQUIVALENT", "NO EVIDENCE"
NO_VERDICT, EXPLORATORY = "no verdict", "exploratory"  # in words, of a row without one
Times = Sequence[tuple[float, bool]]  # (min(T, horizon), T <= horizon) of each paired seed


@dataclass(frozen=True)
class Arm:
    """One arm on one axis, every sequence in the order of the paired seeds."""

    variant: str
    times: dict[str, Times]  # threshold, each of ALL_THRESHOLDS → times
    steps: Sequence[float]  # log ratio of T at tau to the snapshot before it
    final: Sequence[float]  # log cfid of the last snapshot
    coverage: Sequence[float]  # of the last snapshot that has it
    failed: Sequence[bool]


def differences(new: Times, reference: Times) -> list[float]:
    """Log time of the reference minus log time of the new arm, for each pair."""
    return [math.log(r) - math.log(n) for (n, _), (r, _) in zip(new, reference, strict=True)]


def measurements(new: Arm, reference: Arm, axis: str, threshold: str) -> Row:
    """The row of two arms on one axis at one threshold, without guards and without the correction over the family."""
    times = [arm.times[threshold] for arm in (new, reference)]
    reached = [sum(there for _, there in arm) for arm in times]
    means = [math.fsum(time for time, _ in arm) / len(arm) for arm in times]
    return Row(
        **vars(effect(differences(*times))),
        new=new.variant,
        reference=reference.variant,
        axis=axis,
        threshold=threshold,
        reached_new=reached[0],
        reached_reference=reached[1],
        rmst_new=means[0],
        rmst_reference=means[1],
    )


def evidence(new: Arm, reference: Arm, axis: str, protocol: Protocol) -> Row:
    """The measurements at tau, the guards of the arm that is ahead, and `step`.

    `step` is the grid's step as a ratio, by which the interval may be off, since a time lies anywhere between two
    snapshots. None if a time is that of the first snapshot.
    """
    row = measurements(new, reference, axis, "tau")
    guards = check_guards(*((new, reference) if row.ratio >= 1 else (reference, new)), protocol)
    step = math.exp(max(math.fsum(arm.steps) / len(arm.steps) for arm in (new, reference)))
    return replace(row, guards=guards, step=step if math.isfinite(step) else None)


def check_guards(ahead: Arm, behind: Arm, protocol: Protocol) -> dict[str, Guard]:
    """Name → guard: what the arm that is ahead must not have paid for its speed.

    Speed is no gain if the result is worse, so the guards apply to the arm that is ahead, whichever it is: a comparison
    and its reverse give opposite verdicts. `tau25`, `tau75` and `second` are its speed-ups there, and must exceed 1
    too. A value that is not finite or cannot be computed is None and not ok.
    """
    final = limits([a - b for a, b in zip(ahead.final, behind.final, strict=True)], ALPHA)[1]
    drop = math.fsum(behind.coverage) / len(behind.coverage) - math.fsum(ahead.coverage) / len(ahead.coverage)
    extra = sum(ahead.failed) - sum(behind.failed)
    final = None if final is None or not math.isfinite(final) else rounded(math.exp(final))
    drop = rounded(drop) if math.isfinite(drop) else None
    margin, most, more = protocol.margin, protocol.max_coverage_drop, protocol.max_extra_failures
    guards = {
        "final_cfid": Guard(final, margin, final is not None and final < margin),
        "coverage": Guard(drop, most, drop is not None and drop <= most),
        "failures": Guard(extra, more, extra <= more),
    }
    for name in (name for name in ALL_THRESHOLDS if name != "tau"):
        there = rounded(ratio(differences(ahead.times[name], behind.times[name])))
        guards[name] = Guard(there, 1.0, there > 1)
    return guards


def word_of(row: Row) -> str:
    """The verdict in capitals; of a row without one, `no verdict` if its planned arms differ, else `exploratory`."""
    return row.verdict or (NO_VERDICT if row.planned and row.differs else EXPLORATORY)


def short_arms(row: Row) -> list[str]:
    """Those of `new` and `reference` that reached the threshold in fewer than 90 % of the seeds."""
    reached = {"new": row.reached_new, "reference": row.reached_reference}
    return [arm for arm, count in reached.items() if count < ENOUGH_REACHED * row.n]


def decide(row: Row, demo: Sequence[str], protocol: Protocol, detectable: float | None) -> tuple[str, str | None]:
    """(verdict, reason) of a planned comparison of tuned arms: the first of the protocol's list that applies.

    `row` is what `evidence` found, rounded, with p_holm; `demo` is why the study is a demonstration, if it is;
    `detectable` is the smallest ratio that so many seeds find with 80 % power: infinite if there is none, None without
    a pilot.
    """
    if demo:
        return NO_EVIDENCE, f"the study is a demo: {'; '.join(demo)}"
    if row.n < MIN_PAIRS:
        return NO_EVIDENCE, f"{row.n} paired seeds are fewer than {MIN_PAIRS}"
    if short := short_arms(row):
        names = " and ".join(getattr(row, arm) for arm in short)
        return NO_EVIDENCE, f"{names} reached tau in fewer than 90 % of the seeds"
    if row.p_holm < ALPHA and not row.low <= 1 <= row.high:
        word = FASTER if row.ratio > 1 else SLOWER
        failed = [name for name, guard in row.guards.items() if not guard.ok]
        return (f"{word}, GUARD FAILED: {', '.join(failed)}" if failed else word), None
    if row.ties == row.n:
        return NO_EVIDENCE, f"all {row.n} pairs tie, so that they do not tell how far such times spread"
    lowest, highest = protocol.equivalence
    if row.step is not None and lowest <= row.low / row.step and row.high * row.step <= highest:
        return EQUIVALENT, None
    if detectable == math.inf:
        return NO_EVIDENCE, f"{row.n} seeds are too few to find any ratio in a family of this size"
    smallest = "unknown without a pilot" if detectable is None else f"{detectable:.3g}"
    return NO_EVIDENCE, f"the smallest ratio that {row.n} seeds find with 80 % power is {smallest}"


def demo_reasons(n: int, tau: float, pixel_gaussian: float | None, record: Preregistration | None) -> list[str]:
    """Why a comparison of n paired seeds can only be a demonstration; empty if it is none."""
    found = [f"fewer than {MIN_SEEDS} seeds: {n}"] if n < MIN_SEEDS else []
    if record is not None:
        found += record.reasons
        if record.plateau is None and not record.reasons:
            found.append("the pilot found no plateau")
    if pixel_gaussian is not None and tau >= pixel_gaussian:
        found.append(f"tau {tau:g} is not below the pixel-Gaussian row {pixel_gaussian:.3g}")
    return list(dict.fromkeys(found))


def untuned(facts: dict[str, RunFacts], tuning: TuningRecord | None) -> list[str]:
    """Those of the variants (name → a run) whose block no equal tuning chose on their networks, whatever their names.

    An equal tuning had the same number of trials for every arm of its record, or the largest grid that one number
    allows for every arm's knobs. One that names no networks tuned nothing. Keys that have come since with a neutral
    value are no difference.
    """
    if tuning is None or tuning.networks is None:
        return list(facts)
    if len(set(tuning.trials.values())) != 1 and tuning.budget.search != "grid":
        return list(facts)
    tuned = [
        (with_defaults(block), tuning.networks[arm].model_dump(mode="json"))
        for arm, block in tuning.chosen.items()
        if arm in tuning.networks
    ]
    return [name for name, run in facts.items() if (with_defaults(run.variant), networks_of(run)) not in tuned]


def why_untuned(arms: Sequence[str], tuning: TuningRecord | None) -> str:
    """Why a pair with these untuned arms gets no verdict."""
    older = tuning is not None and tuning.networks is None
    return f"untuned: {', '.join(arms)}" + (" (the record of tuning names no networks)" if older else "")
