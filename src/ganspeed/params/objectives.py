"""What params.yaml may say of an objective: its source is parsed, not imported, so that no check needs torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from ganspeed.params.constructors import class_literals, keyword_fields

OBJECTIVES = Path(__file__).parents[1] / "objectives"


@cache
def objective_names() -> tuple[str, ...]:
    """The names of all objectives: the files of the folder."""
    return tuple(sorted(p.stem for p in OBJECTIVES.glob("*.py") if p.stem != "__init__"))


@dataclass(frozen=True)
class Declarations:
    """What an objective says of itself in class-level literals; see objectives.Objective, which has the same names."""

    penalises_gradient: bool = False
    logits: bool = False
    body: str | None = None
    draws: Mapping[str, str] = field(default_factory=dict)
    labels: bool = False
    separate_terms: bool = False
    traceable: bool = True
    our_reading_of: str | None = None


@cache
def objective_declarations(name: str) -> Declarations:
    """The literals that an objective's class assigns to the names of Declarations."""
    names = {f.name for f in fields(Declarations)}
    return Declarations(**class_literals(OBJECTIVES / f"{name}.py", "Objective", names))


@cache
def objective_fields(name: str) -> dict[str, Any]:
    """Name → (type, default) of an objective's hyperparameters: its constructor's keyword-only arguments."""
    return keyword_fields(OBJECTIVES / f"{name}.py", "Objective")
