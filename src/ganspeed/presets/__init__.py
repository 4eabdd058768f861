"""Presets: a grid and its data sets, put into params.yaml with its comments kept."""

import difflib
import io
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from ganspeed import params
from ganspeed.errors import UserError
from ganspeed.files import write_text

FOLDER = Path(__file__).parent
VARIANTS = FOLDER / "variants.yaml"  # the shipped blocks, common to all presets


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path != VARIANTS)


def listing() -> str:
    """One line for each preset: its name, what it is, its time and disk."""
    return "\n".join(f"{name:12} {_round_trip().load(FOLDER / f'{name}.yaml')['about']}" for name in names())


def apply(name: str, path: Path, reset: bool) -> str:
    """Write the preset into the params.yaml at `path`; returns the difference. Raises UserError, nothing written.

    `compare` and the data sets that the preset names are replaced; a data set that was frozen (preregistration/ has
    its file) keeps its threshold and length. Shipped variants that the preset compares and that are missing are added;
    with `reset` these and all other shipped ones that are there are restored, and frozen values are not kept.
    """
    if name not in names():
        raise UserError(f"unknown preset {name!r}; available: {', '.join(names())}")
    params.read_yaml(path)  # words a missing or unreadable file
    before = path.read_text(encoding="utf-8")
    document, preset = _round_trip().load(before), _round_trip().load(FOLDER / f"{name}.yaml")
    if not isinstance(document, CommentedMap):
        raise UserError(f"{path}: not a mapping of blocks")
    for block in ("compare", "datasets", "variants"):
        if not isinstance(document.get(block), CommentedMap):
            document[block] = CommentedMap()
    _update(document["compare"], preset["compare"])
    for dataset, block in preset["datasets"].items():
        frozen = (path.parent / "preregistration" / f"{dataset}.json").exists()
        if dataset in document["datasets"] and frozen and not reset:
            block["threshold"] = document["datasets"][dataset]["threshold"]
            block["train"]["updates"] = document["datasets"][dataset]["train"]["updates"]
        document["datasets"][dataset] = block
    for variant, block in _round_trip().load(VARIANTS)["variants"].items():
        there = variant in document["variants"]
        if (there and reset) or (not there and variant in preset["compare"]["variants"]):
            document["variants"][variant] = block
    stream = io.StringIO()
    _round_trip().dump(document, stream)
    after = stream.getvalue()
    params.parse(YAML(typ="safe").load(after))
    write_text(path, after)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name, f"{path.name} ({name})")
    return "".join(lines)


def _update(block: CommentedMap, new: CommentedMap) -> None:
    """Replace the values and keep the comments of the block that is there."""
    for key, value in new.items():
        block[key] = value


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.width = 120
    yaml.preserve_quotes = True
    return yaml
