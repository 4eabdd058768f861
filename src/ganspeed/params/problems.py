"""The block `train.problem` of a data set: the degraded image that G is fed, of the one it is to make. No torch."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, TypeAdapter, ValidationError

from ganspeed.errors import UserError
from ganspeed.params.base import Block
from ganspeed.params.networks import IMAGE_SIZES

NAME = "what is done to an image before G is fed it"
Pixels = Annotated[int, Field(ge=1, lt=IMAGE_SIZES.stop)]


class Upscale(Block):
    """G is fed the image at a smaller size, and is to make it at its own."""

    name: Literal["upscale"] = Field(description=NAME)
    factor: int = Field(
        ge=2, lt=IMAGE_SIZES.stop, description="the side of the image, over that of the one that G is fed"
    )


class Denoise(Block):
    """G is fed the image with normal noise on every value, and is to make it without."""

    name: Literal["denoise"] = Field(description=NAME)
    sd: PositiveFloat = Field(description="standard deviation of the noise on each value, images in [-1, 1]")


class Mask(Block):
    """G is fed the image with a square of it grey, at a place drawn for each, and is to make it whole."""

    name: Literal["mask"] = Field(description=NAME)
    size: Pixels = Field(description="side in pixels of the square that G does not see")


AnyProblem = Annotated[Upscale | Denoise | Mask, Field(discriminator="name")]
PROBLEM = TypeAdapter(AnyProblem)


def parse_problem(values: dict[str, Any] | None) -> AnyProblem | None:
    """The problem of plain values that were checked once, as a record has them; None for none. Raises UserError."""
    try:
        return values and PROBLEM.validate_python(values)
    except ValidationError as error:
        raise UserError(
            f"train.problem: {error.errors()[0]['loc']}: not as this version has it; train the run again"
        ) from None


def numbers_fed(problem: AnyProblem | None, shape: tuple[int, int, int]) -> int:
    """Numbers of the degraded version of an image of this shape (C, H, W); 0 without a problem."""
    if problem is None:
        return 0
    channels, height, width = shape
    shrunk = problem.factor if isinstance(problem, Upscale) else 1
    return channels * (height // shrunk) * (width // shrunk)
