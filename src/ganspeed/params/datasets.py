"""The blocks of a data set: its source, its networks, its training, its metric classifiers and its scores."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from ganspeed.params.base import MAX_COUNT, Block, Count, PathInside, Seed
from ganspeed.params.networks import IMAGE_SIZES, Channels, Networks, Units
from ganspeed.types import Fraction, Probability, Sha256

ImageSize = Annotated[int, Field(ge=IMAGE_SIZES.start, lt=IMAGE_SIZES.stop, multiple_of=IMAGE_SIZES.step)]
# Pictures of the sources that have a known number, by published part.
PICTURES = {
    "digits": {"train": 1_797},
    "mnist": {"train": 60_000, "test": 10_000},
    "fashion_mnist": {"train": 60_000, "test": 10_000},
    "cifar10": {"train": 50_000, "test": 10_000},
    "celeba": {"train": 162_770, "val": 19_867, "test": 19_962},
}
MIN_TRAIN = 2  # pictures: of a single one, the classifiers' batch normalisation has no variance
BatchSize = Annotated[int, Field(ge=2, le=2**16)]


class Data(Block):
    """The source of a data set and its splits: `holdout` images for val and as many for test."""

    image_size: ImageSize
    holdout: Count
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
    path: PathInside  # below GANSPEED_DATA
    channels: Literal[1, 3]
    sha256: Sha256 | None = None


AnyData = Annotated[Digits | PublishedData | CelebA | ImageFolder, Field(discriminator="source")]


class Train(Block):
    """Length of a run, its batches, and how often it logs and saves."""

    updates: Annotated[int, Field(ge=12, le=MAX_COUNT)]
    batch_size: BatchSize
    ema_decay: Fraction
    precision: Literal["float32", "tf32", "bfloat16"]
    log_every: Count
    checkpoint_every: Count
    grid_ratio: Annotated[float, Field(ge=1.001, le=1.5)]  # at 1.001 a run has some 2,500 snapshots, however long it is
    sample_grids: Annotated[int, Field(gt=0, le=1000)]  # pictures of one animation


class Features(Block):
    """The two metric classifiers, which differ only in their seed; both must reach `min_accuracy` on test."""

    dim: Units
    width: Channels
    epochs: Count
    batch_size: BatchSize
    learning_rate: PositiveFloat
    min_accuracy: Probability
    seed: Seed
    second_seed: Seed


class DatasetEvaluate(Block):
    """samples: generated images that every score of this data set is computed from."""

    samples: Annotated[int, Field(ge=100, le=10**6)]


class Threshold(Block):
    """Thresholds of cfid, tau25 > tau > tau75, and the counterpart of tau for cfid_second."""

    tau25: PositiveFloat
    tau: PositiveFloat
    tau75: PositiveFloat
    tau_second: PositiveFloat


class Dataset(Block):
    data: AnyData
    networks: Networks
    train: Train
    features: Features
    evaluate: DatasetEvaluate
    threshold: Threshold
