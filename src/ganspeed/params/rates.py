"""The block `schedule` of an optimiser: how both learning rates change over a run; training/rates.py computes it."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat

from ganspeed.params.base import Block, Count


class Constant(Block):
    name: Literal["constant"] = "constant"


class Exponential(Block):
    """The rates halve every `half_life` updates, smoothly; 0: they stay."""

    name: Literal["exponential"]
    half_life: NonNegativeFloat


class Cosine(Block):
    """Half a cosine from 1 to `final` at the end of the run (1608.03983, without restarts)."""

    name: Literal["cosine"]
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class Linear(Block):
    """A straight line from 1 to `final` at the end of the run."""

    name: Literal["linear"]
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class StepDecay(Block):
    """The rates are multiplied by `factor` after every `every` updates."""

    name: Literal["step"]
    factor: Annotated[float, Field(gt=0, lt=1)]
    every: Count


class Warmup(Block):
    """The rates rise in a straight line to their full value in update `updates`, and stay."""

    name: Literal["warmup"]
    updates: Count


Schedule = Annotated[Constant | Exponential | Cosine | Linear | StepDecay | Warmup, Field(discriminator="name")]


def late_updates(schedule: Schedule, key: str, updates: int) -> list[str]:
    """What is wrong with a schedule that names an update beyond the end of a run. key: which gives its `updates`."""
    match schedule:
        case StepDecay() if schedule.every >= updates:
            return [f"schedule.every: {schedule.every:,} is not < {key}, which is {updates:,}"]
        case Warmup() if schedule.updates > updates:
            return [f"schedule.updates: {schedule.updates:,} is not <= {key}, which is {updates:,}"]
    return []
