"""The block `tricks` of a variant. A trick's source is parsed, not imported, so that no check needs torch."""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import Field, create_model, model_validator

from ganspeed.params.base import Block
from ganspeed.params.constructors import class_body, class_literals, keyword_fields

TRICKS = Path(__file__).parents[1] / "tricks"
# What is refused here, in a few words → the keys that it concerns; `ganspeed params` shows it.
REFUSED = {"jacobian: low above high": tuple(f"variants.<name>.tricks.jacobian.{bound}" for bound in ("low", "high"))}


@dataclass(frozen=True)
class TrickDeclarations:
    """What a trick says of itself in class-level literals; see tricks.Trick, which has the same names."""

    refuses: Mapping[tuple[str, str], str] = field(default_factory=dict)
    traceable: bool = True
    needs_problem: bool = False


@cache
def trick_names() -> tuple[str, ...]:
    """The names of all tricks: the files of the folder."""
    return tuple(sorted(p.stem for p in TRICKS.glob("*.py") if p.stem != "__init__"))


@cache
def trick_declarations(name: str) -> TrickDeclarations:
    """The literals that a trick's class assigns to the names of TrickDeclarations."""
    names = {f.name for f in fields(TrickDeclarations)}
    return TrickDeclarations(**class_literals(TRICKS / f"{name}.py", "Trick", names))


@cache
def trick_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of a trick's keys: its constructor's keyword-only arguments."""
    return keyword_fields(TRICKS / f"{name}.py", "Trick")


class TricksBlock(Block):
    """What a variant does to its steps beside its objective; a trick that it does not name is None."""

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        """What tricks with these keys require of two at once, where no trick is imported."""
        for name, keys in self.used().items():
            if keys.get("low", -math.inf) > (high := keys.get("high", math.inf)):
                raise ValueError(f"{name}.low {keys['low']!r} is not <= {name}.high, which is {high!r}")
        return self

    def used(self) -> dict[str, dict[str, Any]]:
        """Name → arguments of the constructor, of the tricks that are named, in the order of their names."""
        return self.model_dump(mode="json", exclude_none=True)


def _effect(name: str) -> str:
    """The first line of the docstring of a trick's class."""
    return (ast.get_docstring(ast.Module(class_body(TRICKS / f"{name}.py", "Trick"), [])) or "").partition("\n")[0]


def _block(name: str) -> tuple[Any, Any]:
    """Type and default of a trick's block among the others."""
    return create_model(f"Trick_{name}", __base__=Block, **trick_fields(name)) | None, Field(
        None, description=_effect(name)
    )


Tricks = create_model("Tricks", __base__=TricksBlock, **{name: _block(name) for name in trick_names()})
