"""Variants that are trained by class, and data sets without classes. Imports no torch."""

from itertools import product

from ganspeed.data.own_pictures import own_manifest
from ganspeed.params.blocks import Params
from ganspeed.params.objectives import objective_declarations
from ganspeed.workspace import Workspace


def class_mistake(params: Params, dataset: str, variant: str) -> str | None:
    """What is wrong if this data set has no classes, by both keys; None for a variant that needs none."""
    block, labels = params.variant(variant), params.networks(dataset, variant).labels
    if labels != "none":
        own = f"variants.{variant}" if "labels" in (block.networks or {}) else f"datasets.{dataset}"
        key, value = f"{own}.networks.labels", repr(labels)
    elif objective_declarations(block.objective).labels:
        key, value = f"variants.{variant}.objective", block.objective
    else:
        return None
    return f"{key}: {value}, but datasets.{dataset}.data has no classes"


def class_mistakes(workspace: Workspace, params: Params) -> list[str]:
    """Mistakes of the grid on data sets that are prepared and have no classes.

    The user's own pictures alone may have none, and which are of a class is known once they were looked at.
    """
    mistakes = []
    for dataset, variant in product(params.compare.datasets, params.compare.variants):
        if mistake := class_mistake(params, dataset, variant):
            manifest = own_manifest(workspace, params, dataset)
            if manifest and not manifest.classes:
                mistakes.append(f"{mistake}, as the stage prepare found it")
    return mistakes
