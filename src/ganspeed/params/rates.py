"""The block `schedule` of an optimiser: how both learning rates change over a run; training/rates.py computes it."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat

from ganspeed.params.base import Block, Count

NAME = "how both learning rates change over a run; without the key they stay"
FINAL = "what the rates are multiplied by at the end of the run"


class Constant(Block):
    """The rates stay."""

    name: Literal["constant"] = Field(description=NAME)


class Exponential(Block):
    """The rates halve every `half_life` updates."""

    name: Literal["exponential"] = Field(description=NAME)
    half_life: NonNegativeFloat = Field(description="updates in which the rates halve, smoothly; 0: they stay")


class Cosine(Block):
    """Half a cosine from 1 to `final` at the end of the run (1608.03983, without restarts)."""

    name: Literal["cosine"] = Field(description=NAME)
    final: float = Field(0.0, ge=0, le=1, description=FINAL)


class Linear(Block):
    """A straight line from 1 to `final` at the end of the run."""

    name: Literal["linear"] = Field(description=NAME)
    final: float = Field(0.0, ge=0, le=1, description=FINAL)


class StepDecay(Block):
    """The rates are multiplied by `factor` after every `every` updates."""

    name: Literal["step"] = Field(description=NAME)
    factor: float = Field(gt=0, lt=1, description="what the rates are multiplied by")
    every: Count = Field(description="updates after which they are, again and again")


class Warmup(Block):
    """The rates rise in a straight line to their full value in update `updates`, and stay."""

    name: Literal["warmup"] = Field(description=NAME)
    updates: Count = Field(description="the update in which the rates are full; they rise to it in a straight line")


Schedule = Annotated[Constant | Exponential | Cosine | Linear | StepDecay | Warmup, Field(discriminator="name")]

# What is refused below, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "a step that is not before the end of a run": ("variants.<name>.optimizer.schedule.every",),
    "a warm-up beyond the end of a run": ("variants.<name>.optimizer.schedule.updates",),
}


def late_updates(schedule: Schedule, key: str, updates: int) -> list[str]:
    """What is wrong with a schedule that names an update beyond the end of a run. key: which gives its `updates`."""
    match schedule:
        case StepDecay() if schedule.every >= updates:
            return [f"schedule.every: {schedule.every:,} is not < {key}, which is {updates:,}"]
        case Warmup() if schedule.updates > updates:
            return [f"schedule.updates: {schedule.updates:,} is not <= {key}, which is {updates:,}"]
    return []
