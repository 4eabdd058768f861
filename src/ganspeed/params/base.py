"""The base of every block of params.yaml, frozen, typed and strict, and the error that lists mistakes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ganspeed.errors import UserError

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ParamsError(UserError):
    """params.yaml is wrong; `mistakes` has one line for each mistake, unprintable characters escaped."""

    def __init__(self, mistakes: list[str]):
        self.mistakes = ["".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in mistakes]
        super().__init__("\n".join(self.mistakes))


class Block(BaseModel):
    """A part of params.yaml: unknown keys, wrong types, NaN and infinity are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
