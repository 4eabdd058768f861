"""The blocks of a variant that say how often and on how many images its players step, where it is not always the same.

Imports no torch.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ganspeed.params.base import Block, Count, CountOrZero

BatchSize = Annotated[int, Field(ge=2, le=2**16)]


MAX_STEPS = 10_000  # critic steps of one update, within which no run is stopped

HeadStart = Annotated[int, Field(ge=0, le=MAX_STEPS)]


class WarmStart(Block):
    """More critic steps at the start and now and then, as in the code of Arjovsky et al. 2017, 1701.07875."""

    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] = Field(description="critic steps of such an update, not n_critic")
    updates: CountOrZero = Field(description="the first so many updates of a run")
    every: CountOrZero = Field(description="and the first of every so many; 0: no later one")


class Growth(Block):
    """Batches of both players that grow through training."""

    factor: Annotated[int, Field(ge=2, le=16)] = Field(description="how many times as large each time")
    every: Count = Field(description="updates between")
    largest: BatchSize = Field(description="images that no batch exceeds by growing")


class Batches(Block):
    """Batches of a variant's own; a size that is None is the data set's `train.batch_size`."""

    G: BatchSize | None = Field(None, description="images in a batch of the generator's step")
    D: BatchSize | None = Field(None, description="images, real and as many generated, in a batch of D's step")
    grow: Growth | None = Field(None, description="how both grow; null: they do not")
    real_fake: Literal["joint", "apart", "in_turn"] | None = Field(
        None, description="D's passes over real and generated images; null: joint, but apart with batch norm in D"
    )

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A block without `real_fake` is the one that it was before there was this key."""
        return {key: value for key, value in dump(self).items() if key != "real_fake" or value is not None}
