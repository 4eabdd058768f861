"""The learning rate of an update, as a fraction of the initial one."""

import math

from ganspeed.params.rates import Constant, Cosine, Exponential, Linear, Schedule, StepDecay, Warmup


def rate_factor(schedule: Schedule, update: int, updates: int) -> float:
    """The present learning rates over the initial ones. update: counted from 1; updates: of the whole run.

    A pure function, so that a run resumes with the rates it would have had. A schedule that ends with the run reaches
    its final value after the last update, as torch's schedulers do. Raises TypeError for an unknown schedule.
    """
    done = update - 1
    match schedule:
        case Constant():
            return 1.0
        case Exponential():
            return 0.5 ** (done / schedule.half_life) if schedule.half_life else 1.0
        case Cosine():
            return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done / updates)) / 2
        case Linear():
            return 1 + (schedule.final - 1) * done / updates
        case StepDecay():
            return schedule.factor ** (done // schedule.every)
        case Warmup():
            return min(1.0, update / schedule.updates)
    raise TypeError(f"{type(schedule).__name__} is no schedule")
