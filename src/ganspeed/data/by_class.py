"""Variants that are trained by class, and data sets without classes. Imports no torch."""

from itertools import product
from pathlib import PurePosixPath
from typing import Any

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.params.datasets import ImageFolder
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

    The user's own pictures alone may have none, and which are of a class is known once they were looked at. Pictures
    that were prepared from elsewhere, or are not prepared, are passed over.
    """
    mistakes = []
    for dataset, variant in product(params.compare.datasets, params.compare.variants):
        data = params.dataset(dataset).data
        if isinstance(data, ImageFolder) and (mistake := class_mistake(params, dataset, variant)):
            from ganspeed.data.prepared import read_manifest  # numpy takes a tenth of a second, and few have need of it

            try:
                manifest = read_manifest(workspace.prepared(dataset))
            except UserError:  # not prepared
                continue
            if not manifest.classes and _is_of(manifest.source, data):
                mistakes.append(f"{mistake}, as the stage prepare found it")
    return mistakes


def _is_of(source: dict[str, Any], data: ImageFolder) -> bool:
    """Whether pictures prepared from this source are those of the block, as far as it says which they are."""
    is_same_place = (source.get("kind"), source.get("path")) == ("image_folder", str(PurePosixPath(data.path)))
    return is_same_place and data.sha256 in (None, source.get("sha256"))
