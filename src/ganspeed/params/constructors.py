"""A class as its source has it, parsed and not imported: checking params.yaml does not need torch."""

import ast
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import Field

from ganspeed import types
from ganspeed.params.base import MAX_COUNT

EFFECT = re.compile(r"^(\w+): (.+)$", re.MULTILINE)


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


def class_literals(path: Path, base: str, names: Collection[str]) -> dict[str, Any]:
    """Name → value of the literals that the one subclass of `base` in a source file assigns to these names."""
    literals = {}
    for statement in class_body(path, base):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in names:
                    literals[target.id] = ast.literal_eval(statement.value)
    return literals


def keyword_fields(path: Path, base: str) -> dict[str, Any]:
    """Name → (type, default) of the keyword-only arguments of the one subclass of `base` in a source file.

    An annotation may use pydantic's numbers (PositiveInt, NonNegativeFloat, ...), those of types.py, Literal, and
    Python's own types; a default is a plain value. The default is `...`, required, if the constructor has none.
    Integers are at most MAX_COUNT. The type has the argument's effect as its description: a line `name: effect` in the
    constructor's docstring, or in that of `base`, in the folder's __init__.py, for an argument that many have.
    """
    constructors = [i for i in class_body(path, base) if isinstance(i, ast.FunctionDef) and i.name == "__init__"]
    if len(constructors) != 1:
        raise TypeError(f"{path.name}: a subclass of {base} with one __init__ expected, {len(constructors)} found")
    known = {"Literal": Literal, "bool": bool, "int": int, "float": float, "str": str} | vars(types)
    known |= {n: getattr(pydantic, n) for n in pydantic.__all__ if n.endswith(("Int", "Float"))}
    given = constructors[0].args
    effects = _effects_of_base(path.parent, base) | _effects(constructors[0])
    return {
        a.arg: (
            Annotated[
                _bounded(eval(ast.unparse(a.annotation), {"__builtins__": {}}, known)),  # noqa: S307 our own source
                Field(description=effects.get(a.arg)),
            ],
            ... if default is None else ast.literal_eval(default),
        )
        for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    }


def _bounded(annotation: Any) -> Any:
    """The annotation, for an integer with MAX_COUNT as its upper bound."""
    is_integer = int in (annotation, *get_args(annotation)[:1])
    return Annotated[annotation, Field(le=MAX_COUNT)] if is_integer else annotation


def _effects(node: ast.FunctionDef | ast.ClassDef) -> dict[str, str]:
    """Argument → effect, by the docstring."""
    return dict(EFFECT.findall(ast.get_docstring(node) or ""))


@cache
def _effects_of_base(folder: Path, base: str) -> dict[str, str]:
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    (node,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == base)
    return _effects(node)
