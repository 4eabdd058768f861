"""The blocks of a data set: its source, its networks, its training, its metric classifiers and its scores."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveFloat

from ganspeed.params.base import MAX_COUNT, Block, BlockWithOptions, Count, PathInside, Seed
from ganspeed.params.counts import BatchSize
from ganspeed.params.networks import IMAGE_SIZES, Channels, Networks, Units
from ganspeed.params.problems import AnyProblem
from ganspeed.types import Fraction, Probability, Sha256


def _odd(side: int) -> int:
    if not side % 2:
        raise ValueError(f"{side} is even: a median filter is centred on a pixel; allowed: 1, 3, 5, ...")
    return side


ImageSize = Annotated[int, Field(ge=IMAGE_SIZES.start, lt=IMAGE_SIZES.stop, multiple_of=IMAGE_SIZES.step)]
Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
MedianSide = Annotated[int, Field(ge=1, lt=IMAGE_SIZES.stop), AfterValidator(_odd)]
# Pictures of the sources that have a known number, by published part.
PICTURES = {
    "digits": {"train": 1_797},
    "mnist": {"train": 60_000, "test": 10_000},
    "fashion_mnist": {"train": 60_000, "test": 10_000},
    "cifar10": {"train": 50_000, "test": 10_000},
    "celeba": {"train": 162_770, "val": 19_867, "test": 19_962},
}
MIN_TRAIN = 2  # pictures: of a single one, the classifiers' batch normalisation has no variance
SOURCE = "where the pictures come from"
IMAGE_SIZE = "height and width that pictures are brought to, in pixels"


class Data(BlockWithOptions):
    """The source of a data set and its splits: `holdout` images for val and as many for test."""

    options: ClassVar = ("classes",)

    image_size: ImageSize = Field(description=IMAGE_SIZE)
    holdout: Count = Field(description="images in val, and as many in test; the rest is train")
    split_seed: Seed = Field(description="seed by which images are drawn for val and test")
    classes: Names | None = Field(
        None, description="classes that G is trained on and scored against, by their names; null: all"
    )


class Digits(Data):
    source: Literal["digits"] = Field(description=SOURCE)
    image_size: Literal[8] = Field(description=IMAGE_SIZE)


class PublishedData(Data):
    source: Literal["mnist", "fashion_mnist", "cifar10"] = Field(description=SOURCE)


class CelebA(Data):
    source: Literal["celeba"] = Field(description=SOURCE)
    attributes: tuple[str, ...] = Field(
        strict=False,
        min_length=1,
        max_length=4,
        description="attributes of the pictures whose combinations are classes",
    )


class ImageFolder(Data):
    source: Literal["image_folder"] = Field(description=SOURCE)
    path: PathInside = Field(
        description="the folder or zip of the pictures, a relative path that stays below GANSPEED_DATA"
    )
    channels: Literal[1, 3] = Field(description="1: gray; 3: colour")
    sha256: Sha256 | None = Field(None, description="hash that the pictures must have")


AnyData = Annotated[Digits | PublishedData | CelebA | ImageFolder, Field(discriminator="source")]


class Train(BlockWithOptions):
    """Length of a run, its batches, how often it logs and saves, and what both players see of the training images."""

    options: ClassVar = ("limit", "denoise", "problem")

    updates: int = Field(ge=12, le=MAX_COUNT, description="generator updates of a run")
    batch_size: BatchSize = Field(description="images of a batch, real ones and as many generated ones")
    ema_decay: Fraction = Field(description="memory of the average of G's weights that is scored; 0 scores G itself")
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        description="arithmetic of training; tf32 on a GPU, bfloat16 outside the gradient penalty"
    )
    log_every: Count = Field(description="updates from one row of history.csv to the next")
    checkpoint_every: Count = Field(description="updates that a killed run loses at most")
    grid_ratio: float = Field(  # at 1.001 a run has some 2,500 snapshots, however long it is
        ge=1.001, le=1.5, description="ratio of the updates of neighbouring snapshots"
    )
    sample_grids: int = Field(
        gt=0, le=1000, description="pictures of samples through training, frames of one animation"
    )
    limit: Count | None = Field(None, description="training images that both players see, the same for all; null: all")
    denoise: MedianSide = Field(
        1, description="side in pixels of the median filter that training images go through, odd; 1: none"
    )
    problem: AnyProblem | None = Field(
        None, description="the degraded version of a real image that G is fed beside its noise; null: none"
    )


class Features(Block):
    """The two metric classifiers, which differ only in their seed; both must reach `min_accuracy` on test."""

    dim: Units = Field(description="penultimate features of a metric classifier, the space of cfid")
    width: Channels = Field(description="channels of its first layer, doubled at each halving of the size")
    epochs: Count = Field(description="passes over the training images")
    batch_size: BatchSize = Field(description="images of a batch in its training")
    learning_rate: PositiveFloat = Field(description="learning rate of its training")
    min_accuracy: Probability = Field(description="accuracy on test below which the stage features fails")
    seed: Seed = Field(description="seed of the classifier behind cfid")
    second_seed: Seed = Field(description="seed of a second one, alike otherwise, behind cfid_second")


class DatasetEvaluate(Block):
    """What scoring has of its own for a data set."""

    samples: int = Field(ge=100, le=10**6, description="generated images that every score is computed from")


class Threshold(Block):
    """Thresholds of cfid, tau25 > tau > tau75, and the counterpart of tau for cfid_second."""

    tau25: PositiveFloat = Field(description="an easier threshold of cfid, to see whether the answer depends on it")
    tau: PositiveFloat = Field(description="the threshold of cfid that speed is measured to")
    tau75: PositiveFloat = Field(description="a harder threshold of cfid, to see whether the answer depends on it")
    tau_second: PositiveFloat = Field(description="the counterpart of tau for cfid_second")


class Dataset(Block):
    """All that depends on the data, of one data set."""

    data: AnyData = Field(description="the source of the pictures and their splits")
    networks: Networks = Field(description="what G and D are made of")
    train: Train = Field(description="length of a run, its batches, how often it logs, and which images it sees")
    features: Features = Field(description="the two metric classifiers")
    evaluate: DatasetEvaluate = Field(description="what scoring has of its own for this data set")
    threshold: Threshold = Field(description="thresholds of cfid, which time is measured to")
