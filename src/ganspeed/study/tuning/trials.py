"""Every trial of every arm, sampled before the first one runs: the order in which they finish has no effect.

Trial k has the same shared knobs in every arm, as every arm has the same seeds: no arm is luckier in its samples
(common random numbers).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from pydantic import ValidationError

from ganspeed.compare.rounding import rounded
from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.blocks import Knob, Params
from ganspeed.params.messages import describe_value
from ganspeed.params.rates import late_updates
from ganspeed.params.variants import Variant, parse_variant
from ganspeed.runs.spec import RunSpec
from ganspeed.source_files import HASHES
from ganspeed.study.val_runs import ValRuns
from ganspeed.system.devices import select_device
from ganspeed.system.files import sha256_json
from ganspeed.workspace import Workspace

SIGNIFICANT_DIGITS = 4  # significant digits of a sampled value: what is trained is what params.yaml will say
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
        for number in range(tuning.trials):
            values = sample_values(tuning.shared, about.own, tuning.seed, number)
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


def sample_values(shared: dict[str, Knob], own: dict[str, Knob], seed: int, number: int) -> dict[str, float]:
    """The knobs of trial `number`: a function of the seed and the number, the shared ones sampled first.

    So that neither another arm, nor more trials, nor another knob of an arm's own changes a shared value.
    """
    state = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    space = distributions({**shared, **own})
    with quiet_optuna():
        trial = optuna.create_study(sampler=RandomSampler(state)).ask(space)
    values = {name: rounded(trial.params[name], SIGNIFICANT_DIGITS) for name in space}
    return {name: min(max(value, space[name].low), space[name].high) for name, value in values.items()}


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna logs a line for every trial; warnings and errors are still logged."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
