"""Presets: a grid and its data sets, written into params.yaml with its comments preserved."""

from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.edits import edit_params, round_trip

FOLDER = Path(__file__).parent
VARIANTS = FOLDER / "variants.yaml"  # the shipped variants, shared by all presets
RECIPE = ("n_critic", "lr_g", "lr_d", "half_life")  # what a preset may set in them for its data, under `recipes`


@dataclass(frozen=True)
class Preset:
    """The content of a preset's file."""

    about: str  # what it is, its time and disk space
    compare: CommentedMap
    datasets: CommentedMap
    protocol: CommentedMap
    recipes: dict[str, dict] = field(default_factory=dict)  # shipped variant → values of RECIPE
    copies: dict[str, dict] = field(default_factory=dict)  # new variant → {variant: the original, seed_offset}
    variants: dict[str, CommentedMap] = field(default_factory=dict)  # blocks that no other preset has
    first: str = ""  # which command writes variants that are missing


def preset_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path != VARIANTS)


def list_presets() -> str:
    """One line for each preset: its name, what it is, its time and disk."""
    width = max(map(len, preset_names()))
    return "\n".join(f"{name:{width}} {_read_preset(name).about}" for name in preset_names())


def _read_preset(name: str) -> Preset:
    return Preset(**round_trip().load(FOLDER / f"{name}.yaml"))


def apply_preset(name: str, path: Path, reset: bool) -> str:
    """Write the preset into the params.yaml at `path`; returns the difference. Raises UserError with nothing written.

    `compare`, the data sets that the preset names and its keys of `protocol` are replaced; a data set that was frozen
    (it has a file in preregistration/) keeps its threshold and length. Shipped variants that the preset compares are
    added where they are missing. `reset` restores all shipped variants that are present, and overwrites frozen values.
    Learning rates and n_critic depend on the data: shipped variants always get those of the preset, but a variant that
    was given another schedule keeps it.
    A variant under `variants` is of this preset alone: added where it is missing, restored by `reset`. One under
    `copies` is another's block with a seed_offset. A preset whose variants another command must write
    first names that command.
    """
    if name not in preset_names():
        raise UserError(f"unknown preset {name!r}; available: {', '.join(preset_names())}")
    preset = _read_preset(name)

    def change(document: CommentedMap) -> None:
        _update(_block(document, "compare"), preset.compare)
        _put_datasets(_block(document, "datasets"), preset.datasets, path.parent / "preregistration", reset)
        variants = _block(document, "variants")
        _put_variants(variants, preset, reset)
        _update(_block(document, "protocol"), preset.protocol)
        if missing := [v for v in preset.compare["variants"] if v not in variants]:
            raise UserError(f"preset {name}: variants {', '.join(missing)} do not exist yet; {preset.first}")

    return edit_params(path, change, name)


def _block(document: CommentedMap, key: str) -> CommentedMap:
    """This block of the document, created where it is missing."""
    if not isinstance(document.get(key), CommentedMap):
        document[key] = CommentedMap()
    return document[key]


def _put_datasets(datasets: CommentedMap, new: CommentedMap, frozen: Path, reset: bool) -> None:
    for dataset, block in new.items():
        if dataset in datasets and (frozen / f"{dataset}.json").exists() and not reset:
            try:
                block["threshold"] = datasets[dataset]["threshold"]
                block["train"]["updates"] = datasets[dataset]["train"]["updates"]
            except (KeyError, TypeError):
                raise UserError(
                    f"datasets.{dataset}: threshold or train.updates is missing, which {frozen.name}/{dataset}.json "
                    "freezes; put it back, or use `--reset`, which takes the values of the preset"
                ) from None
        datasets[dataset] = block


def _put_variants(variants: CommentedMap, preset: Preset, reset: bool) -> None:
    for variant, block in round_trip().load(VARIANTS)["variants"].items():
        shipped = reset if variant in variants else variant in preset.compare["variants"]
        if shipped:
            variants[variant] = block
        recipe = {knob: knobs.value_of(block, knob) for knob in RECIPE} | preset.recipes.get(variant, {})
        try:
            if variant in variants and variants[variant]["objective"] == block["objective"]:
                own = {knob: value for knob, value in recipe.items() if knobs.has(variants[variant], knob)}
                variants[variant] = knobs.with_values(variants[variant], own)
        except (KeyError, TypeError):
            continue  # a wrong block: the check of the edited document reports it
    for variant, block in preset.variants.items():
        if reset or variant not in variants:
            variants[variant] = block
    for variant, copy in preset.copies.items():
        variants[variant] = knobs.with_values(variants[copy["variant"]], {})
        variants[variant]["seed_offset"] = copy["seed_offset"]


def _update(block: CommentedMap, new: CommentedMap) -> None:
    """Replace these values of the block, and keep its comments.

    Where a value changes between flow and block style, ruamel.yaml misplaces a comment that follows the key on its
    line: such keys have their comment above.
    """
    for key, value in new.items():
        block[key] = value
