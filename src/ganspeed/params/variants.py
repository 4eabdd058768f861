"""The block of a variant. Its hyperparameters are those of its objective's constructor, which is read, not imported."""

import ast
import math
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pydantic
from pydantic import Field, NonNegativeFloat, PositiveFloat, create_model, model_validator

from ganspeed import types
from ganspeed.params.base import MAX_COUNT, Block, Seed
from ganspeed.types import Fraction

OBJECTIVES = Path(__file__).parents[1] / "objectives"
Betas = Annotated[tuple[Fraction, Fraction], Field(strict=False)]


class Adam(Block):
    name: Literal["adam"]
    lr_g: PositiveFloat
    lr_d: PositiveFloat
    half_life: NonNegativeFloat
    betas: Betas


class RMSProp(Block):
    name: Literal["rmsprop"]
    lr_g: PositiveFloat
    lr_d: PositiveFloat
    half_life: NonNegativeFloat
    alpha: Fraction


AnyOptimizer = Annotated[Adam | RMSProp, Field(discriminator="name")]


class Variant(Block):
    """One way of training: an objective with its hyperparameters, and the optimiser.

    The hyperparameters' names, types and ranges are those of the objective's constructor (see `objective_fields`).
    """

    objective: str
    optimizer: AnyOptimizer
    seed_offset: Seed = 0  # seed s of the grid is trained as s + seed_offset: an independent copy of a variant

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

    def hyperparameters(self) -> dict[str, Any]:
        """The arguments of the objective's constructor, n_critic among them."""
        return self.model_dump(exclude={"objective", "optimizer", "seed_offset"})

    def resolved(self) -> dict[str, Any]:
        """The block as plain values, without seed_offset, which only says which seeds are trained."""
        return self.model_dump(mode="json", exclude={"seed_offset"})

    def without_offset(self) -> "Variant":
        """The same block with seed_offset 0: what a run is trained with, whichever seed it has."""
        return self.model_copy(update={"seed_offset": 0})

    def __reduce__(self) -> tuple:
        """Pickle by value: the class of a variant is made at run time, and no import finds it."""
        return parse_variant, (self.model_dump(),)


@cache
def objective_names() -> tuple[str, ...]:
    """The names of all objectives: the files of the folder."""
    return tuple(sorted(p.stem for p in OBJECTIVES.glob("*.py") if p.stem != "__init__"))


@cache
def objective_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of an objective's hyperparameters: its constructor's keyword-only arguments.

    The source is parsed, not imported, so that checking params.yaml does not need torch. An annotation may use
    pydantic's numbers (PositiveInt, NonNegativeFloat, ...), those of types.py, Literal, and Python's own types; a
    default is a plain value. The default is `...`, required, if the constructor has none. Integers are at most
    MAX_COUNT.
    """
    tree = ast.parse((OBJECTIVES / f"{name}.py").read_text(encoding="utf-8"))
    constructors = [
        item
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Objective" for b in node.bases)
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name == "__init__"
    ]
    if len(constructors) != 1:
        raise TypeError(f"{name}.py: one subclass of Objective with an __init__ expected, {len(constructors)} found")
    known = {"Literal": Literal, "bool": bool, "int": int, "float": float, "str": str} | vars(types)
    known |= {n: getattr(pydantic, n) for n in pydantic.__all__ if n.endswith(("Int", "Float"))}
    given = constructors[0].args
    return {
        a.arg: (
            _bounded(eval(ast.unparse(a.annotation), {"__builtins__": {}}, known)),  # noqa: S307 our own source
            ... if default is None else ast.literal_eval(default),
        )
        for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    }


def _bounded(annotation: Any) -> Any:
    """The annotation, for an integer with MAX_COUNT as its upper bound."""
    is_integer = int in (annotation, *get_args(annotation)[:1])
    return Annotated[annotation, Field(le=MAX_COUNT)] if is_integer else annotation


@cache
def variant_model(objective: str) -> type[Variant]:
    """The model of a variant's block with this objective."""
    return create_model(f"Variant_{objective}", __base__=Variant, **objective_fields(objective))


def parse_variant(block: dict[str, Any]) -> Variant:
    """A variant's block checked by the model of its objective. Raises pydantic.ValidationError."""
    return variant_model(block["objective"]).model_validate(block)
