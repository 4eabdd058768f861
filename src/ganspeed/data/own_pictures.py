"""The user's own pictures, as the stage prepare found them: what params.yaml asks of them in vain. Imports no torch."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.params.classes import choice_mistakes
from ganspeed.params.datasets import Dataset, ImageFolder
from ganspeed.workspace import Workspace

if TYPE_CHECKING:
    from ganspeed.data.prepared import Manifest


def own_manifest(workspace: Workspace, params: Params, dataset: str) -> "Manifest | None":
    """The manifest of a data set of the user's own pictures.

    None where it is none, or is not prepared, or was prepared from elsewhere.
    """
    data = params.dataset(dataset).data
    if not isinstance(data, ImageFolder):
        return None
    from ganspeed.data.prepared import read_manifest  # numpy takes a tenth of a second, and few have need of it

    try:
        manifest = read_manifest(workspace.prepared(dataset))
    except UserError:  # not prepared
        return None
    return manifest if _is_of(manifest.source, data) else None


def picture_mistakes(workspace: Workspace, params: Params) -> list[str]:
    """Mistakes of the grid's data sets of own pictures; those of other sources are known from params.yaml alone."""
    return [line for dataset in params.compare.datasets for line in _mistakes(workspace, params, dataset)]


def _mistakes(workspace: Workspace, params: Params, dataset: str) -> Iterator[str]:
    block = params.dataset(dataset)
    if not _asks(block) or not (manifest := own_manifest(workspace, params, dataset)):
        return
    if block.data.classes is not None:
        yield from choice_mistakes(f"datasets.{dataset}.data.classes", block.data.classes, manifest.classes)
    limit, n = block.train.limit, manifest.splits["train"].n
    if limit is not None and limit > n:
        yield f"datasets.{dataset}.train.limit: {limit:,} is not <= {n:,}, the training images by the stage prepare"


def _asks(block: Dataset) -> bool:
    """Whether a block has a key that the pictures may not be able to meet."""
    return block.train.limit is not None or block.data.classes is not None


def _is_of(source: dict[str, Any], data: ImageFolder) -> bool:
    """Whether pictures prepared from this source are those of the block, as far as it says which they are."""
    is_same_place = (source.get("kind"), source.get("path")) == ("image_folder", str(PurePosixPath(data.path)))
    return is_same_place and data.sha256 in (None, source.get("sha256"))
