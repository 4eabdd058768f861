"""The block `networks` of a data set: what G and D are made of. A variant may override keys of it. Imports no torch."""

import copy
from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PositiveFloat, Tag, ValidationError

from ganspeed.errors import UserError
from ganspeed.params.base import Block
from ganspeed.types import Fraction

# With the widest layers on 64 pixels a single weight takes 4 GiB.
Channels = Annotated[int, Field(gt=0, le=1024)]  # of a network's first layer, doubled at each halving of the size
MAX_UNITS = 8192  # of a dense layer
Units = Annotated[int, Field(gt=0, le=MAX_UNITS)]
Depth = Annotated[int, Field(ge=1, le=16)]
Activation = Literal["leaky", "relu", "tanh", "none"]
NormAt = Literal["before", "after"]  # the activation
IMAGE_SIZES = range(8, 129, 4)
SMALLEST_MAP = 4  # of G's first feature maps, at most, where `depth` does not say otherwise
HIDDEN_LAYERS = 2  # of a multilayer perceptron, where `depth` does not say otherwise


class Latent(Block):
    """The noise that G is fed: `dim` numbers, standard normal or uniform on [-1, 1)."""

    dim: Units
    law: Literal["normal", "uniform"] = "normal"


class GeneratorBlock(Block):
    """`width`: channels of the last hidden layer, doubled at each halving of the size; of an mlp, units of every layer.

    `depth`: doublings of the size; of an mlp, hidden layers. Without it, as many as the image's size makes.
    """

    width: Channels
    body: Literal["dcgan", "mlp"] = "dcgan"
    depth: Depth | None = None
    act: Activation = "relu"
    norm: Literal["none", "batch", "layer", "instance"] = "batch"
    norm_at: NormAt = "before"
    dropout: Fraction = 0.0
    output: Literal["none", "tanh", "sigmoid"] = "tanh"


class DiscriminatorBlock(Block):
    """`width`: channels of the first layer, doubled at each halving of the size; of an mlp, units of every layer.

    `depth`: halvings of the size; of an mlp, hidden layers. Without it, as many as the image's size makes. `down`: how
    a layer halves the size. `hidden`: units of a dense layer before the score, 0 for none.
    """

    width: Channels
    hidden: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    body: Literal["dcgan", "mlp", "autoencoder", "pyramid"] = "dcgan"
    depth: Depth | None = None
    act: Activation = "leaky"
    norm: Literal["none", "batch", "layer", "instance", "spectral"] = "none"
    norm_at: NormAt = "before"
    dropout: Fraction = 0.0
    down: Literal["stride", "pool"] = "stride"
    output: Literal["none", "tanh", "sigmoid"] = "none"


class Normal(Block):
    """Initial weights from N(0, normal)."""

    normal: PositiveFloat


DCGAN_INIT = Normal(normal=0.02)  # section 4 of 1511.06434


def _kind_of_init(value: Any) -> str | None:
    return "block" if isinstance(value, dict | Normal) else "name" if value == "xavier" else None


Init = Annotated[
    Annotated[Literal["xavier"], Tag("name")] | Annotated[Normal, Tag("block")],
    Discriminator(
        _kind_of_init,
        custom_error_type="init",
        custom_error_message="input should be xavier or {normal: a standard deviation}",
    ),
]


class Networks(Block):
    """Both networks, what G is fed, the initial weights, and the range of images at the networks' borders.

    `range`: prepared images are in [-1, 1] (signed); both networks may see them in [0, 1] (unit), or with mean 0 and
    standard deviation 1 of each channel of the training images (standard). `labels`: planes gives G a one-hot class
    beside z, and D a plane for each class; Mirza and Osindero 2014, 1411.1784.
    """

    latent: Latent
    G: GeneratorBlock
    D: DiscriminatorBlock
    init: Init = DCGAN_INIT
    range: Literal["signed", "unit", "standard"] = "signed"
    labels: Literal["none", "planes"] = "none"


def merged(networks: Networks, override: dict[str, Any]) -> dict[str, Any]:
    """A data set's networks as plain values, with the keys that a variant overrides, to be checked as Networks."""
    return _merged(networks.model_dump(mode="json"), override)


def _merged(values: Any, override: Any) -> Any:
    if not (isinstance(values, dict) and isinstance(override, dict)):
        return copy.deepcopy(override)
    return values | {key: _merged(values.get(key), value) for key, value in override.items()}


def parse_networks(values: dict[str, Any]) -> Networks:
    """Networks of plain values that were checked once, as a record has them. Raises UserError for other keys."""
    try:
        return Networks.model_validate(values)
    except ValidationError as error:
        raise UserError(
            f"networks: {error.errors()[0]['loc']}: not as this version has them; train the run again"
        ) from None


def map_sizes(size: int) -> list[int]:
    """Sizes of G's feature maps, from the image on: halved, rounded up, to SMALLEST_MAP or less, twice at least."""
    sizes = [size]
    while sizes[-1] > SMALLEST_MAP or len(sizes) < 3:
        sizes.append(-(-sizes[-1] // 2))
    return sizes


def resolved(networks: Networks, size: int) -> Networks:
    """The networks with the depths that images of this size ask for, where their blocks name none."""
    sizes = map_sizes(size)
    halvings = len(list(takewhile(lambda s: s % 2 == 0, sizes[:-1])))  # D: 28 → 14 → 7, not further
    depths = {"G": len(sizes) - 1, "D": halvings}
    for player, depth in depths.items():
        block = getattr(networks, player)
        if block.depth is None:
            depth = HIDDEN_LAYERS if block.body == "mlp" else depth
            networks = networks.model_copy(update={player: block.model_copy(update={"depth": depth})})
    return networks


def below_one_pixel(block: GeneratorBlock | DiscriminatorBlock, size: int, player: str) -> bool:
    """Whether a block with a depth halves images of this size more often than they can be."""
    return block.body != "mlp" and _smallest(block.depth - 1, size, player) < 2


def on_one_pixel(block: GeneratorBlock | DiscriminatorBlock, size: int, player: str) -> bool:
    """Whether some feature maps of a block with a depth have one position."""
    return block.body == "mlp" or _smallest(block.depth, size, player) == 1


def _smallest(halvings: int, size: int, player: str) -> int:
    """The size after so many halvings: G's are rounded up, D's down."""
    return -(-size // 2**halvings) if player == "G" else size >> halvings


def without_defaults(networks: dict[str, Any]) -> dict[str, Any]:
    """Networks of a record as plain values, without those that a block need not name."""
    return parse_networks(networks).model_dump(mode="json", exclude_defaults=True)
