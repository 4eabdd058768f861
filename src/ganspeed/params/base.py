"""What every block of params.yaml is: frozen, typed, strict; and the error that names its mistakes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ganspeed.errors import UserError

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ParamsError(UserError):
    """params.yaml is wrong; `mistakes` holds one line for each mistake."""

    def __init__(self, mistakes: list[str]):
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Block(BaseModel):
    """A part of params.yaml: unknown keys, wrong types, NaN and infinity are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
