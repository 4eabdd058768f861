"""Cautions: what params.yaml may say, and a reader of the results should know. Imports no torch.

`ganspeed check` prints them, with status 0, and the report repeats them among its limits.
"""

from collections.abc import Mapping

from ganspeed.params.blocks import Params
from ganspeed.params.optimizers import PlayerOptimizer
from ganspeed.params.variants import Variant


def cautions_of(params: Params) -> list[str]:
    """A sentence for each caution in the grid."""
    return cautions({name: params.variant(name) for name in params.compare.variants})


def cautions(variants: Mapping[str, Variant]) -> list[str]:
    """A sentence for each caution of these variants, which begins with the variant's name."""
    found = []
    for name, variant in variants.items():
        memory, clip = _momentum(variant.optimizer.D), variant.hyperparameters().get("clip")
        if memory and clip is not None:
            found.append(
                f"{name}: {memory} of D's {variant.optimizer.D.name} with weight clipping (clip {clip:g}); training by "
                "momentum was found unstable with it, and RMSProp was advised (1701.07875, section 4)"
            )
    return found


def _momentum(block: PlayerOptimizer) -> str:
    """An optimiser's memory of earlier gradients in words, such as `momentum 0.9`; empty where it has none."""
    own = block.hyperparameters()
    if own.get("momentum"):
        return f"momentum {own['momentum']:g}"
    first, _ = own.get("betas", (0, 0))
    return f"first beta {first:g}" if first else ""
