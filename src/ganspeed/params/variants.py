"""The block of a variant. Its hyperparameters are those of its objective's constructor, which is read, not imported."""

import math
from functools import cache
from typing import Any, Self

from pydantic import Field, ValidationError, create_model, model_validator

from ganspeed.params.base import Block, Seed
from ganspeed.params.counts import Batches, HeadStart, WarmStart
from ganspeed.params.objectives import objective_declarations, objective_fields, objective_names
from ganspeed.params.optimizers import AnyOptimizer
from ganspeed.params.tricks import Tricks

# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {
    "lambda_0 below a floor": ("variants.<name>.floor", "variants.<name>.lambda_0"),
    "lambda_0 above a ceiling": ("variants.<name>.ceiling", "variants.<name>.lambda_0"),
    "low above high": ("variants.<name>.real_target", "variants.<name>.fake_target"),
    "middles that are not 0 <= fake < real <= 1": ("variants.<name>.real_target", "variants.<name>.fake_target"),
    "smooth_generator with saturating": ("variants.<name>.smooth_generator", "variants.<name>.saturating"),
    "smooth_generator with nothing to smooth by": (
        "variants.<name>.smooth_generator", "variants.<name>.real_target", "variants.<name>.flip",
    ),
    "in_turn with an objective without separate terms": (
        "variants.<name>.batches.real_fake", "variants.<name>.objective",
    ),
}  # fmt: skip


class Variant(Block):
    """One way of training: an objective with its hyperparameters, the optimiser, and what the networks have of its own.

    The hyperparameters' names, types and ranges are those of the objective's constructor (see `objective_fields`).
    """

    objective: str = Field(description="what both players minimise; it says which other keys the block has")
    optimizer: AnyOptimizer = Field(description="one optimiser for both players, or one for each")
    seed_offset: Seed = Field(0, description="seed s of the grid is trained as s + seed_offset: an independent copy")
    warm_start: WarmStart | None = Field(None, description="more critic steps at the start and now and then")
    head_start: HeadStart = Field(0, description="steps of D alone before the first update; 0: none")
    batches: Batches | None = Field(None, description="batches of the players' own, and how D sees them")
    tricks: Tricks | None = Field(None, description="what is done to a step beside the objective, by a trick's name")
    networks: dict[str, Any] | None = Field(None, description="keys of the data set's networks that it overrides")

    @model_validator(mode="after")
    def _lambda_0_between_its_bounds(self) -> Self:
        """What objectives with these keys require of two at once, where no objective is imported."""
        floor, lambda_0 = getattr(self, "floor", 0), getattr(self, "lambda_0", math.inf)
        ceiling = getattr(self, "ceiling", math.inf)
        if floor > lambda_0:
            raise ValueError(f"floor {floor!r} is not <= lambda_0, which is {lambda_0!r}")
        if ceiling < lambda_0:
            raise ValueError(f"ceiling {ceiling!r} is not >= lambda_0, which is {lambda_0!r}")
        return self

    @model_validator(mode="after")
    def _targets_apart(self) -> Self:
        """What objectives with targets require of several keys at once."""
        if not hasattr(self, "real_target"):
            return self
        fake, real = (sum(bounds) / 2 for bounds in (self.fake_target, self.real_target))
        if not 0 <= fake < real <= 1:
            middles = f"{fake!r} and {real!r}, the middles of fake_target and real_target"
            raise ValueError(f"0 <= fake < real <= 1 does not hold of {middles}")
        if self.smooth_generator and getattr(self, "saturating", False):
            raise ValueError("smooth_generator is true beside saturating true: the minimax loss has no target of 1")
        if self.smooth_generator and self.real_target == (1, 1) and not self.flip:
            raise ValueError("smooth_generator is true, but real_target [1.0, 1.0] and flip 0 leave G's target at 1")
        return self

    @model_validator(mode="after")
    def _terms_to_step_on_in_turn(self) -> Self:
        in_turn = self.batches is not None and self.batches.real_fake == "in_turn"
        if in_turn and not objective_declarations(self.objective).separate_terms:
            raise ValueError(
                f"batches.real_fake is 'in_turn', but D's loss by objective {self.objective!r} is not a term of real "
                "images and one of generated ones"
            )
        return self

    def hyperparameters(self) -> dict[str, Any]:
        """The arguments of the objective's constructor, n_critic among them."""
        return self.model_dump(exclude=set(Variant.model_fields))

    def used_tricks(self) -> dict[str, dict[str, Any]]:
        """Name → arguments of the constructor, of the tricks that the block names, in the order of their names."""
        return self.tricks.used() if self.tricks else {}

    def resolved(self) -> dict[str, Any]:
        """The block as plain values, without seed_offset, which only says which seeds are trained, and networks.

        These stand beside it, resolved: see Params.networks. Of the keys that every variant may have, those that are
        None or 0 are left out, and so is a block of no tricks.
        """
        block = self.model_dump(mode="json", exclude={"seed_offset", "networks"}) | {
            "tricks": self.used_tricks() or None
        }
        return {key: value for key, value in block.items() if value or key not in Variant.model_fields}

    def method(self) -> "Variant":
        """The same block with seed_offset 0 and without networks: what a run has beside its seed and its networks."""
        return self.model_copy(update={"seed_offset": 0, "networks": None})

    def __reduce__(self) -> tuple:
        """Pickle by value: the class of a variant is made at run time, and no import finds it."""
        return parse_variant, (self.model_dump(),)


@cache
def variant_model(objective: str) -> type[Variant]:
    """The model of a variant's block with this objective."""
    return create_model(f"Variant_{objective}", __base__=Variant, **objective_fields(objective))


def parse_variant(block: dict[str, Any]) -> Variant:
    """A variant's block checked by the model of its objective. Raises pydantic.ValidationError."""
    return variant_model(block["objective"]).model_validate(block)


def with_defaults(block: dict[str, Any]) -> dict[str, Any]:
    """A resolved block that was recorded, with the keys that have come since; as it is where it is none of today's."""
    if block.get("objective") not in objective_names():
        return block
    try:
        return parse_variant(block).resolved()
    except ValidationError:
        return block
