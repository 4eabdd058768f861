"""Every trial of every arm, known before the first one runs: the order in which they finish has no effect.

Of a random search trial k has the same shared knobs in every arm, as every arm has the same seeds: no arm is luckier in
its samples (common random numbers). A grid is of no luck at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from pydantic import ValidationError

from ganspeed.compare.rounding import rounded
from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.blocks import Knob, Params, Tuning
from ganspeed.params.messages import describe_value
from ganspeed.params.rates import late_updates
from ganspeed.params.variants import Variant, parse_variant
from ganspeed.runs.spec import RunSpec
from ganspeed.source_files import HASHES
from ganspeed.study.val_runs import ValRuns
from ganspeed.system.devices import select_device
from ganspeed.system.files import sha256_json
from ganspeed.workspace import Workspace

SIGNIFICANT_DIGITS = 4  # significant digits of a value: what is trained is what params.yaml will say
TRIAL_SCORED_BY = ("compare/times.py", "study/tuning/score.py")  # beside the metrics' code: one number of a run
TRIAL_GRID_RATIO = 1.2  # coarse: a score is an area, not a time


@dataclass(frozen=True)
class Trial:
    """One sample of one arm's knobs, and its runs, one for each tuning seed."""

    arm: str
    number: int
    values: dict[str, float]
    block: dict  # the variant's block with these values
    specs: list[RunSpec]
    val_runs: ValRuns

    @cached_property
    def key(self) -> str:
        """SHA-256 of what decides the trial's score: its runs, their metrics, and the code that reduces them."""
        scored_by = [HASHES[name] for name in TRIAL_SCORED_BY]
        return sha256_json([self.val_runs.fingerprint(self.specs), *scored_by])


def plan_trials(workspace: Workspace, params: Params, dataset: str) -> list[Trial]:
    """Every trial of every arm.

    Raises UserError for a data set that is not there or not prepared, and for a schedule that ends after the runs.
    """
    tuning, val_runs = params.tuning, ValRuns(workspace, params, dataset, select_device())
    changes = {"updates": tuning.updates, "grid_ratio": TRIAL_GRID_RATIO, "sample_grids": 1}
    train = params.dataset(dataset).train.model_copy(update=changes)
    trials = []
    for arm, about in tuning.arms.items():
        variant = params.variant(about.variant)
        if late := late_updates(variant.optimizer.schedule, "tuning.updates", tuning.updates):
            raise UserError(f"variants.{about.variant}.optimizer.{late[0]}; arm {arm} starts from it")
        block = variant.resolved()
        for number, values in enumerate(values_of_trials(tuning, about.own)):
            turned = knobs.with_values(block, values)
            method = _method(arm, number, {**turned, "networks": variant.networks})  # which resolved() leaves out
            specs = val_runs.specs(f"{arm}/{number}", method, tuning.seeds, train)
            trials.append(Trial(arm, number, values, turned, specs, val_runs))
    return trials


def _method(arm: str, number: int, block: dict) -> Variant:
    """The variant of a trial. Raises UserError for values that its objective refuses together."""
    try:
        return parse_variant(block)
    except ValidationError as error:
        words = "; ".join(describe_value(e) for e in error.errors())
        raise UserError(f"tuning.arms.{arm}: the values of trial {number} are refused: {words}") from None


def distributions(space: dict[str, Knob]) -> dict[str, FloatDistribution]:
    return {name: FloatDistribution(knob.low, knob.high, log=knob.log) for name, knob in space.items()}


def values_of_trials(tuning: Tuning, own: dict[str, Knob]) -> list[dict[str, float]]:
    """Knob → value in every trial of an arm with these knobs of its own beside the shared ones."""
    if tuning.search == "grid":
        return grid_values({**tuning.shared, **own}, tuning.trials)
    return [sample_values(tuning.shared, own, tuning.seed, number) for number in range(tuning.trials)]


def grid_values(space: dict[str, Knob], trials: int) -> list[dict[str, float]]:
    """All combinations of evenly spaced values of the knobs, their bounds among them: as many as `trials` allows."""
    sizes = knobs.grid_sizes(len(space), trials)
    spaced = [evenly_spaced(knob, size) for knob, size in zip(space.values(), sizes, strict=True)]
    return [dict(zip(space, values, strict=True)) for values in product(*spaced)]


def evenly_spaced(knob: Knob, n: int) -> list[float]:
    """n values from low to high, two or more; even in their logarithms where the knob's scale is logarithmic."""
    shares = [i / (n - 1) for i in range(n)]
    if knob.log:
        return [_written(knob.low * (knob.high / knob.low) ** share, knob) for share in shares]
    return [_written(knob.low + (knob.high - knob.low) * share, knob) for share in shares]


def _written(value: float, knob: Knob | FloatDistribution) -> float:
    """The value as params.yaml will have it, within the bounds."""
    return min(max(rounded(value, SIGNIFICANT_DIGITS), knob.low), knob.high)


def sample_values(shared: dict[str, Knob], own: dict[str, Knob], seed: int, number: int) -> dict[str, float]:
    """The knobs of trial `number`: a function of the seed and the number, the shared ones sampled first.

    So that neither another arm, nor more trials, nor another knob of an arm's own changes a shared value.
    """
    state = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    space = distributions({**shared, **own})
    with quiet_optuna():
        trial = optuna.create_study(sampler=RandomSampler(state)).ask(space)
    return {name: _written(trial.params[name], space[name]) for name in space}


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna logs a line for every trial; warnings and errors are still logged."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
