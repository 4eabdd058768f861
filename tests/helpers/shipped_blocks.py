"""The shipped blocks of variants, and one block of every objective, for tests that are to hold for all of them."""

from pathlib import Path

from ruamel.yaml import YAML
from toy_study import TINY_NETWORKS

from ganspeed import objectives
from ganspeed.objectives import Objective
from ganspeed.params.networks import Networks, merged, resolved
from ganspeed.params.objectives import objective_names
from ganspeed.params.presets import apply
from ganspeed.params.variants import parse_variant

ROOT = Path(__file__).parents[2]
BLOCKS: dict[str, dict] = YAML(typ="safe").load(apply.VARIANTS)["variants"]


def one_of_each() -> tuple[str, ...]:
    """The first shipped block of every objective, by name; raises KeyError for an objective that has none."""
    first = {block["objective"]: name for name, block in reversed(BLOCKS.items())}
    return tuple(first[objective] for objective in objective_names())


def objective_of(name: str) -> Objective:
    """The objective of a shipped block; a recorded schedule is that of the repository."""
    hyperparameters = parse_variant(BLOCKS[name]).hyperparameters()
    if "schedule" in hyperparameters:
        hyperparameters["schedule"] = str(ROOT / hyperparameters["schedule"])
    return objectives.load(BLOCKS[name]["objective"], hyperparameters)


def toy_networks(override: dict | None = None) -> Networks:
    """Narrow networks for 8x8 images, with what a variant's block overrides."""
    small = Networks.model_validate(TINY_NETWORKS)
    return resolved(Networks.model_validate(merged(small, override or {})), 8)
