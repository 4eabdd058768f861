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

BOUNDS = {"tanh": "[-1, 1]", "sigmoid": "[0, 1]"}
# Range and output of G that do not fit → what cannot be made, or lies outside. With output none any value can be made.
UNFIT = {
    ("signed", "sigmoid"): "G's values are in [0, 1], and no pixel of the lower half of [-1, 1] can be made",
    ("unit", "tanh"): "G's values are in [-1, 1], and those below 0 lie outside the range [0, 1] of images",
    ("standard", "tanh"): "no pixel further than one standard deviation from its channel's mean can be made",
    ("standard", "sigmoid"): (
        "no pixel below its channel's mean, or more than one standard deviation above it, can be made"
    ),
}


def cautions_of(params: Params) -> list[str]:
    """A sentence for each caution in the grid."""
    grid = product(params.compare.datasets, params.compare.variants)
    return cautions((name, params.variant(name), params.networks(dataset, name)) for dataset, name in grid)


def cautions(methods: Iterable[tuple[str, Variant, Networks]]) -> list[str]:
    """A sentence for each caution of these variants with their networks; it begins with the variant's name."""
    found = [
        f"{name}: {words}"
        for name, *blocks in methods
        for words in (*_of_optimizer(*blocks), *_of_output(*blocks), *_of_tricks(blocks[0]))
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
    if (output := networks.D.output) != "none":
        if objective_declarations(variant.objective).logits:
            loss = f"which {variant.objective} takes for logits: a sigmoid is in its loss already"
        else:
            loss = f"and the loss of {variant.objective} is written for scores without bounds"
        yield f"networks.D.output {output} bounds D's scores to {BOUNDS[output]}, {loss}"
    if words := UNFIT.get((networks.range, networks.G.output)):
        yield f"networks.G.output {networks.G.output} with networks.range {networks.range}: {words}"


def _of_tricks(variant: Variant) -> Iterator[str]:
    content = variant.used_tricks().get("content", {})
    if (weight := content.get("adversarial", 1)) > 1:
        yield (
            f"tricks.content.adversarial {weight:g} makes the adversarial part of G's loss dominant; as large as the "
            "content or a tenth of it was advised, or the weights are led astray"
        )


def _momentum(block: PlayerOptimizer) -> str:
    """An optimiser's memory of earlier gradients in words, such as `momentum 0.9`; empty where it has none."""
    own = block.hyperparameters()
    if own.get("momentum"):
        return f"momentum {own['momentum']:g}"
    first, _ = own.get("betas", (0, 0))
    return f"first beta {first:g}" if first else ""
