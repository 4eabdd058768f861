"""A class as its source has it, parsed and not imported: checking params.yaml does not need torch."""

import ast
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import Field

from ganspeed import types
from ganspeed.params.base import MAX_COUNT


def class_body(path: Path, base: str) -> list[ast.stmt]:
    """The statements of the one subclass of `base` in a source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == base for b in node.bases)
    ]
    if len(classes) != 1:
        raise TypeError(f"{path.name}: one subclass of {base} expected, {len(classes)} found")
    return classes[0].body


def keyword_fields(path: Path, base: str) -> dict[str, Any]:
    """Name → (type, default) of the keyword-only arguments of the one subclass of `base` in a source file.

    An annotation may use pydantic's numbers (PositiveInt, NonNegativeFloat, ...), those of types.py, Literal, and
    Python's own types; a default is a plain value. The default is `...`, required, if the constructor has none.
    Integers are at most MAX_COUNT.
    """
    constructors = [i for i in class_body(path, base) if isinstance(i, ast.FunctionDef) and i.name == "__init__"]
    if len(constructors) != 1:
        raise TypeError(f"{path.name}: a subclass of {base} with one __init__ expected, {len(constructors)} found")
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
