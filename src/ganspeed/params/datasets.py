"""The blocks of a data set: its source, its training, its metric classifiers and its scores."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from ganspeed.params.base import Block, Seed
from ganspeed.types import Fraction, Probability, Sha256

ImageSize = Literal[8, 28, 32, 64]


class Data(Block):
    """The source of a data set and its splits: `holdout` images for val and as many for test."""

    image_size: ImageSize
    holdout: PositiveInt
    split_seed: Seed


class Digits(Data):
    source: Literal["digits"]
    image_size: Literal[8]


class PublishedData(Data):
    source: Literal["mnist", "fashion_mnist", "cifar10"]


class CelebA(Data):
    source: Literal["celeba"]
    attributes: Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=4)]


class ImageFolder(Data):
    source: Literal["image_folder"]
    path: str
    channels: Literal[1, 3]
    sha256: Sha256 | None = None


AnyData = Annotated[Digits | PublishedData | CelebA | ImageFolder, Field(discriminator="source")]


class Train(Block):
    """Length of a run, size of its networks, and how often it logs and saves."""

    updates: Annotated[int, Field(ge=12)]
    batch_size: Annotated[int, Field(ge=2)]
    z_dim: PositiveInt
    width: PositiveInt
    hidden: NonNegativeInt
    ema_decay: Fraction
    precision: Literal["float32", "tf32", "bfloat16"]
    log_every: PositiveInt
    checkpoint_every: PositiveInt
    grid_ratio: Annotated[float, Field(gt=1, le=1.5)]
    sample_grids: PositiveInt


class Features(Block):
    """The two metric classifiers, which differ only in their seed; both must reach `min_accuracy` on test."""

    dim: PositiveInt
    width: PositiveInt
    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    min_accuracy: Probability
    seed: Seed
    second_seed: Seed


class DatasetEvaluate(Block):
    """samples: generated images that every score of this data set is computed from."""

    samples: Annotated[int, Field(ge=100)]


class Threshold(Block):
    """Thresholds of cfid, tau25 > tau > tau75, and the counterpart of tau for cfid_second."""

    tau25: PositiveFloat
    tau: PositiveFloat
    tau75: PositiveFloat
    tau_second: PositiveFloat


class Dataset(Block):
    data: AnyData
    train: Train
    features: Features
    evaluate: DatasetEvaluate
    threshold: Threshold
