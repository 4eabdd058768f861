"""The base of every block of params.yaml, frozen, typed and strict, and the error that lists mistakes."""

import os
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from ganspeed.errors import UserError

MAX_COUNT = 10**9  # of anything that is counted one by one: at 1,000 a second it takes twelve days
MAX_FILE_NAME = 255  # bytes of each part of a path

Count = Annotated[int, Field(gt=0, le=MAX_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def is_path_inside(path: str) -> bool:
    """Whether this is a relative path, separated by /, to something below a folder, in names that a disk can hold."""
    pure = PurePosixPath(path)
    try:
        longest = max(len(os.fsencode(part)) for part in pure.parts)
    except ValueError:  # no parts, or a character that no file's name can have
        return False
    return longest <= MAX_FILE_NAME and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def _path_inside(path: str) -> str:
    if not is_path_inside(path):
        raise ValueError(f"{path!r:.80} is not a relative path that stays below its folder")
    return path


PathInside = Annotated[str, AfterValidator(_path_inside)]


class ParamsError(UserError):
    """params.yaml is wrong; `mistakes` has one line for each mistake, unprintable characters escaped."""

    def __init__(self, mistakes: list[str]):
        self.mistakes = ["".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in mistakes]
        super().__init__("\n".join(self.mistakes))


class Block(BaseModel):
    """A part of params.yaml: unknown keys, wrong types, NaN and infinity are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class BlockWithOptions(Block):
    """A block whose plain values lack its `options` where these have their defaults.

    So a block that uses none of them is, in records and fingerprints, the one that it was before there were any.
    """

    options: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_unused(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {key for key in self.options if getattr(self, key) == type(self).model_fields[key].default}
        return {key: value for key, value in plain(self).items() if key not in unused}
