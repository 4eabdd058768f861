"""The block `optimizer` of a variant: one optimiser for both players, or one for each.

An optimiser's own keys are those of its constructor in optimizers/<name>.py, which is read, not imported.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import Field, NonNegativeFloat, PositiveFloat, create_model

from ganspeed.params.base import Block
from ganspeed.params.constructors import keyword_fields
from ganspeed.params.rates import Constant, Schedule

OPTIMIZERS = Path(__file__).parents[1] / "optimizers"
PER_PLAYER = "per_player"
PLAYERS = ("G", "D")
NAME = "the rule by which weights follow from gradients"
SCHEDULE = "how both learning rates change over a run"


class Extras(Block):
    """What every optimiser may be given besides; 0, the default, leaves it out."""

    weight_decay: NonNegativeFloat = Field(
        0.0, description="adds weight_decay * w to the gradient; adamw subtracts lr * weight_decay * w from w"
    )
    l1: NonNegativeFloat = Field(0.0, description="adds l1 * sign(w) to the gradient")
    clip_norm: NonNegativeFloat = Field(0.0, description="bound of the norm of a player's whole gradient; 0: none")


class PlayerOptimizer(Extras):
    """The optimiser of one player."""

    name: str
    lr: PositiveFloat = Field(description="learning rate of this player")

    def hyperparameters(self) -> dict[str, Any]:
        """The arguments of the optimiser's constructor."""
        return {key: getattr(self, key) for key in optimizer_fields(self.name)}

    def extras(self) -> dict[str, float]:
        return {key: getattr(self, key) for key in Extras.model_fields}


class EqualOptimizers(Extras):
    """One optimiser for both players, which may differ in their learning rates."""

    name: str
    lr_g: PositiveFloat = Field(description="learning rate of G")
    lr_d: PositiveFloat = Field(description="learning rate of D")
    schedule: Schedule = Field(Constant(name="constant"), description=SCHEDULE)

    @property
    def G(self) -> PlayerOptimizer:  # noqa: N802 a field of PerPlayer
        return self._player(self.lr_g)

    @property
    def D(self) -> PlayerOptimizer:  # noqa: N802 a field of PerPlayer
        return self._player(self.lr_d)

    def _player(self, lr: float) -> PlayerOptimizer:
        shared = self.model_dump(exclude={"lr_g", "lr_d", "schedule"})
        return _model(self.name, PlayerOptimizer).model_validate({**shared, "lr": lr})


@cache
def optimizer_names() -> tuple[str, ...]:
    """The names of all optimisers: the files of the folder."""
    return tuple(sorted(p.stem for p in OPTIMIZERS.glob("*.py") if p.stem != "__init__"))


@cache
def optimizer_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of an optimiser's own keys."""
    return keyword_fields(OPTIMIZERS / f"{name}.py", "Rule")


@cache
def _model(name: str, base: type[Block]) -> type[Block]:
    return create_model(
        f"{base.__name__}_{name}",
        __base__=base,
        name=(Literal[name], Field(description=NAME)),
        **optimizer_fields(name),
    )


def _any(base: type[Block], *others: type[Block]) -> Any:
    """The type of a block with any optimiser, chosen by its name."""
    models = [_model(name, base) for name in optimizer_names()]
    return Annotated[Union[(*models, *others)], Field(discriminator="name")]


class PerPlayer(Block):
    """An optimiser for each player."""

    name: Literal[PER_PLAYER] = Field(description=NAME)
    G: _any(PlayerOptimizer) = Field(description="optimiser of G")
    D: _any(PlayerOptimizer) = Field(description="optimiser of D")
    schedule: Schedule = Field(Constant(name="constant"), description=SCHEDULE)


AnyOptimizer = _any(EqualOptimizers, PerPlayer)


def names_in(optimizer: dict[str, Any]) -> tuple[str, ...]:
    """The optimisers that a checked block names, as plain values."""
    if optimizer["name"] != PER_PLAYER:
        return (optimizer["name"],)
    return tuple(sorted({optimizer[player]["name"] for player in PLAYERS}))
