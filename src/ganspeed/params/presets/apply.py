"""Presets: a grid and its data sets, put into params.yaml with its comments kept."""

from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.edits import edit_params, round_trip

FOLDER = Path(__file__).parent
VARIANTS = FOLDER / "variants.yaml"  # the shipped blocks, common to all presets
RECIPE = ("n_critic", "lr_g", "lr_d", "half_life")  # what a preset may set in them under `recipes`, for its data


def preset_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path != VARIANTS)


def list_presets() -> str:
    """One line for each preset: its name, what it is, its time and disk."""
    return "\n".join(f"{name:12} {round_trip().load(FOLDER / f'{name}.yaml')['about']}" for name in preset_names())


def apply_preset(name: str, path: Path, reset: bool) -> str:
    """Write the preset into the params.yaml at `path`; returns the difference. Raises UserError, nothing written.

    `compare`, the data sets that the preset names and its keys of `protocol` are replaced; a data set that was frozen
    (preregistration/ has its file) keeps its threshold and length. Shipped variants that the preset compares and that
    are missing are added; with `reset` these and all other shipped ones that are there are restored, and frozen values
    are not kept. Learning rates and n_critic go with the data: the shipped variants' always become those of the preset.
    A variant under `copies` is another's block with one key more. A preset of variants that something else must write
    first says what.
    """
    if name not in preset_names():
        raise UserError(f"unknown preset {name!r}; available: {', '.join(preset_names())}")
    preset = round_trip().load(FOLDER / f"{name}.yaml")

    def change(document: CommentedMap) -> None:
        for block in ("compare", "datasets", "variants", "protocol"):
            if not isinstance(document.get(block), CommentedMap):
                document[block] = CommentedMap()
        _update(document["compare"], preset["compare"])
        _update(document["protocol"], preset["protocol"])
        _put_datasets(document["datasets"], preset["datasets"], path.parent / "preregistration", reset)
        _put_variants(document["variants"], preset, reset)
        if missing := [v for v in preset["compare"]["variants"] if v not in document["variants"]]:
            raise UserError(f"preset {name}: variants {', '.join(missing)} are not there yet; {preset['first']}")

    return edit_params(path, change, name)


def _put_datasets(datasets: CommentedMap, new: CommentedMap, frozen: Path, reset: bool) -> None:
    for dataset, block in new.items():
        if dataset in datasets and (frozen / f"{dataset}.json").exists() and not reset:
            block["threshold"] = datasets[dataset]["threshold"]
            block["train"]["updates"] = datasets[dataset]["train"]["updates"]
        datasets[dataset] = block


def _put_variants(variants: CommentedMap, preset: CommentedMap, reset: bool) -> None:
    for variant, block in round_trip().load(VARIANTS)["variants"].items():
        there = variant in variants
        if (there and reset) or (not there and variant in preset["compare"]["variants"]):
            variants[variant] = block
        recipe = {knob: knobs.section_of(block, knob)[knob] for knob in RECIPE} | preset.get("recipes", {}).get(
            variant, {}
        )
        try:
            if variant in variants and variants[variant]["objective"] == block["objective"]:
                variants[variant] = knobs.with_values(variants[variant], recipe)
        except (KeyError, TypeError):
            continue  # a damaged block: the check that follows an edit names what is wrong with it
    for variant, copy in preset.get("copies", {}).items():
        variants[variant] = knobs.with_values(variants[copy["variant"]], {})
        variants[variant]["seed_offset"] = copy["seed_offset"]


def _update(block: CommentedMap, new: CommentedMap) -> None:
    """Replace the values and keep the comments of the block that is there.

    A comment behind a key whose value is now a flow list, now a block, confuses ruamel.yaml: such keys have it above.
    """
    for key, value in new.items():
        block[key] = value
