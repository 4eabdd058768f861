"""What params.yaml may say of an objective: its source is parsed, not imported, so that no check needs torch."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import Field

from ganspeed import types
from ganspeed.params.base import MAX_COUNT

OBJECTIVES = Path(__file__).parents[1] / "objectives"


@cache
def objective_names() -> tuple[str, ...]:
    """The names of all objectives: the files of the folder."""
    return tuple(sorted(p.stem for p in OBJECTIVES.glob("*.py") if p.stem != "__init__"))


def _body(name: str) -> list[ast.stmt]:
    """The statements of the one subclass of Objective in an objective's file."""
    tree = ast.parse((OBJECTIVES / f"{name}.py").read_text(encoding="utf-8"))
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Objective" for b in node.bases)
    ]
    if len(classes) != 1:
        raise TypeError(f"{name}.py: one subclass of Objective expected, {len(classes)} found")
    return classes[0].body


@dataclass(frozen=True)
class Declarations:
    """What an objective says of itself in class-level literals; see objectives.Objective, which has the same names."""

    penalises_gradient: bool = False
    logits: bool = False
    body: str | None = None
    draws: Mapping[str, str] = field(default_factory=dict)
    labels: bool = False
    traceable: bool = True


@cache
def objective_declarations(name: str) -> Declarations:
    """The literals that an objective's class assigns to the names of Declarations."""
    names = {f.name for f in fields(Declarations)}
    literals = {}
    for statement in _body(name):
        if isinstance(statement, ast.Assign):
            (target,) = statement.targets
            if isinstance(target, ast.Name) and target.id in names:
                literals[target.id] = ast.literal_eval(statement.value)
    return Declarations(**literals)


@cache
def objective_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of an objective's hyperparameters: its constructor's keyword-only arguments.

    The source is parsed, not imported, so that checking params.yaml does not need torch. An annotation may use
    pydantic's numbers (PositiveInt, NonNegativeFloat, ...), those of types.py, Literal, and Python's own types; a
    default is a plain value. The default is `...`, required, if the constructor has none. Integers are at most
    MAX_COUNT.
    """
    constructors = [i for i in _body(name) if isinstance(i, ast.FunctionDef) and i.name == "__init__"]
    if len(constructors) != 1:
        raise TypeError(f"{name}.py: a subclass of Objective with one __init__ expected, {len(constructors)} found")
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
