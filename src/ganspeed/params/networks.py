"""The block `networks` of a data set: what G and D are made of. A variant may override keys of it. Imports no torch."""

import copy
from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PositiveFloat, Tag, ValidationError

from ganspeed.errors import UserError
from ganspeed.params.base import Block
from ganspeed.types import Fraction

Channels = Annotated[int, Field(gt=0, le=1024)]  # of a network's first layer, doubled at each halving of the size
MAX_UNITS = 8192  # of a dense layer
Units = Annotated[int, Field(gt=0, le=MAX_UNITS)]
Depth = Annotated[int, Field(ge=1, le=16)]
Activation = Literal["leaky", "relu", "tanh", "none"]
NormAt = Literal["before", "after"]  # the activation
IMAGE_SIZES = range(8, 129, 4)
SMALLEST_MAP = 4  # of G's first feature maps, at most, where `depth` does not say otherwise
AUTOENCODER_CODE = 32  # numbers of its code, where D's `hidden` is 0
HIDDEN_LAYERS = 2  # of a multilayer perceptron, where `depth` does not say otherwise
# Effects of keys that both networks have.
BODY = "how the layers are arranged"
ACT = "activation of the hidden layers"
NORM = "normalisation of the hidden layers"
HIDDEN = f"units of a dense layer before the score, 0: none; of an autoencoder, of its code, 0: {AUTOENCODER_CODE}"
NORM_OF_D = "normalisation of the hidden layers but the first; spectral: of the weights of all layers"
NORM_AT = "whether a layer is normalised before or after its activation"
DROPOUT = "share of hidden values that is dropped in training"


class Latent(Block):
    """The noise that G is fed."""

    dim: Units = Field(description="numbers of noise that G is fed for one image")
    law: Literal["normal", "uniform"] = Field("normal", description="standard normal, or uniform on [-1, 1)")


class GeneratorBlock(Block):
    """The generator."""

    width: Channels = Field(
        description="channels of the last hidden layer, doubled at each halving of the size; of an mlp, units"
    )
    body: Literal["dcgan", "mlp"] = Field("dcgan", description=BODY)
    depth: Depth | None = Field(
        None, description="doublings of the size; of an mlp, hidden layers; null: as the image's size asks for"
    )
    act: Activation = Field("relu", description=ACT)
    norm: Literal["none", "batch", "layer", "instance"] = Field("batch", description=NORM)
    norm_at: NormAt = Field("before", description=NORM_AT)
    dropout: Fraction = Field(0.0, description=DROPOUT)
    output: Literal["none", "tanh", "sigmoid"] = Field("tanh", description="what is applied to the image")


class DiscriminatorBlock(Block):
    """The discriminator."""

    width: Channels = Field(
        description="channels of the first layer, doubled at each halving of the size; of an mlp, units"
    )
    hidden: int = Field(ge=0, le=MAX_UNITS, description=HIDDEN)
    body: Literal["dcgan", "mlp", "autoencoder", "pyramid"] = Field("dcgan", description=BODY)
    depth: Depth | None = Field(
        None, description="halvings of the size; of an mlp, hidden layers; null: as the image's size asks for"
    )
    act: Activation = Field("leaky", description=ACT)
    norm: Literal["none", "batch", "layer", "instance", "spectral"] = Field("none", description=NORM_OF_D)
    norm_at: NormAt = Field("before", description=NORM_AT)
    dropout: Fraction = Field(0.0, description=DROPOUT)
    down: Literal["stride", "pool"] = Field("stride", description="how a layer halves the size")
    output: Literal["none", "tanh", "sigmoid"] = Field("none", description="what is applied to the score")


class Normal(Block):
    """Initial weights from N(0, normal)."""

    normal: PositiveFloat = Field(description="standard deviation of the initial weights")


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

    `range`: prepared images are in [-1, 1] (signed, not changed), unit and standard are made of them, the latter by the
    mean and standard deviation of each channel of the training images. `labels`: planes gives G a one-hot class
    beside z, and D a plane for each class; Mirza and Osindero 2014, 1411.1784.
    """

    latent: Latent = Field(description="the noise that G is fed")
    G: GeneratorBlock = Field(description="the generator")
    D: DiscriminatorBlock = Field(description="the discriminator")
    init: Init = Field(DCGAN_INIT, description="law of the initial weights")
    range: Literal["signed", "unit", "standard"] = Field(
        "signed", description="values of images that both networks see: [-1, 1], [0, 1], or mean 0 and deviation 1"
    )
    labels: Literal["none", "planes"] = Field("none", description="planes: both networks are given the class")


def merged(networks: Networks, override: dict[str, Any]) -> dict[str, Any]:
    """A data set's networks as plain values, with the keys that a variant overrides, to be checked as Networks."""
    return _merged(networks.model_dump(mode="json"), override)


def _merged(values: Any, override: Any) -> Any:
    if not (isinstance(values, dict) and isinstance(override, dict)):
        return copy.deepcopy(override)
    return values | {key: _merged(values.get(key), value) for key, value in override.items()}


def overrides(values: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """The keys of networks, as plain values, that differ from those of `base`: `merged` with `base` gives them back."""
    found = {}
    for key, value in values.items():
        inner = base.get(key)
        own = overrides(value, inner) if isinstance(value, dict) and isinstance(inner, dict) else value
        if value != inner:
            found[key] = own
    return found


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
    """The networks with the depths that images of this size ask for, where their blocks name none.

    Keys without effect beside others have their defaults, so that equal networks are equal blocks.
    """
    sizes = map_sizes(size)
    halvings = len(list(takewhile(lambda s: s % 2 == 0, sizes[:-1])))  # D: 28 → 14 → 7, not further
    depths, changed = {"G": len(sizes) - 1, "D": halvings}, {}
    for player, depth in depths.items():
        block = getattr(networks, player)
        own = {key: type(block).model_fields[key].default for key in _without_effect(block)}
        if block.depth is None:
            own["depth"] = HIDDEN_LAYERS if block.body == "mlp" else depth
        changed[player] = block.model_copy(update=own)
    return networks.model_copy(update=changed)


def _without_effect(block: GeneratorBlock | DiscriminatorBlock) -> list[str]:
    """Keys that change nothing of a network beside its others: layers have no norm to place, or no size to halve."""
    keys = ["norm_at"] if block.norm in ("none", "spectral") else []
    return [*keys, "down"] if block.body == "mlp" and isinstance(block, DiscriminatorBlock) else keys


def largest_weight(networks: Networks, size: int, seen: int = 0) -> int:
    """Values of the largest weight of resolved networks for images of this size, with three channels.

    seen: numbers of a degraded image that G is fed beside its noise.
    """
    fed = networks.latent.dim + seen
    return max(*_weights(networks.G, size, fed), *_weights(networks.D, size, networks.D.hidden or 1))


def _weights(block: "GeneratorBlock | DiscriminatorBlock", size: int, units: int) -> list[int]:
    """Values of a network's largest weights; units: of the dense layer before its first or after its last maps."""
    pixels = 3 * size**2
    if block.body == "mlp":
        return [block.width**2, block.width * max(pixels, units)]
    wide = block.width * 2 ** (block.depth - 1)
    maps = wide * _smallest(block.depth, size, "G") ** 2
    decoder = maps * pixels if block.body == "autoencoder" else 0
    return [8 * wide**2, maps * units, decoder]


def below_one_pixel(block: GeneratorBlock | DiscriminatorBlock, size: int, player: str) -> bool:
    """Whether a block with a depth halves images of this size more often than they can be."""
    return block.body != "mlp" and _smallest(block.depth - 1, size, player) < 2


def on_one_pixel(block: GeneratorBlock | DiscriminatorBlock, size: int, player: str) -> bool:
    """Whether some feature maps of a block with a depth have one position."""
    return block.body == "mlp" or _smallest(block.depth, size, player) == 1


def _smallest(halvings: int, size: int, player: str) -> int:
    """The size after so many halvings: G's are rounded up, D's down."""
    return -(-size // 2**halvings) if player == "G" else size >> halvings
