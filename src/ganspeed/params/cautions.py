"""Cautions: what params.yaml may say, and a reader of the results should know. Imports no torch.

`ganspeed check` prints them, with status 0, and the report repeats them among its limits.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from ganspeed.params.blocks import Params
from ganspeed.params.networks import Networks
from ganspeed.params.objectives import objective_declarations
from ganspeed.params.optimizers import PlayerOptimizer
from ganspeed.params.variants import Variant


def cautions_of(params: Params) -> list[str]:
    """A sentence for each caution in the grid."""
    grid = product(params.compare.datasets, params.compare.variants)
    return cautions((name, params.variant(name), params.networks(dataset, name)) for dataset, name in grid)


def cautions(methods: Iterable[tuple[str, Variant, Networks]]) -> list[str]:
    """A sentence for each caution of these variants with their networks; it begins with the variant's name."""
    found = [
        f"{name}: {words}" for name, *blocks in methods for words in (*_of_optimizer(*blocks), *_of_output(*blocks))
    ]
    return list(dict.fromkeys(found))


def _of_optimizer(variant: Variant, networks: Networks) -> Iterator[str]:
    memory, clip = _momentum(variant.optimizer.D), variant.hyperparameters().get("clip")
    if memory and clip is not None:
        yield (
            f"{memory} of D's {variant.optimizer.D.name} with weight clipping (clip {clip:g}); training by "
            "momentum was found unstable with it, and RMSProp was advised (1701.07875, section 4)"
        )


def _of_output(variant: Variant, networks: Networks) -> Iterator[str]:
    if networks.D.output != "none" and objective_declarations(variant.objective).logits:
        yield (
            f"networks.D.output {networks.D.output} bounds D's scores, which {variant.objective} takes for logits: a "
            "sigmoid is in its loss already"
        )
    if networks.G.output == "sigmoid" and networks.range == "signed":
        yield (
            "networks.G.output sigmoid gives values in [0, 1], and networks.range signed has images in [-1, 1]: no "
            "pixel below 0 can be made"
        )


def _momentum(block: PlayerOptimizer) -> str:
    """An optimiser's memory of earlier gradients in words, such as `momentum 0.9`; empty where it has none."""
    own = block.hyperparameters()
    if own.get("momentum"):
        return f"momentum {own['momentum']:g}"
    first, _ = own.get("betas", (0, 0))
    return f"first beta {first:g}" if first else ""
