"""`ganspeed adopt-tuning`: what tuning chose, as variants of params.yaml beside the published ones."""

from pydantic import TypeAdapter
from ruamel.yaml.comments import CommentedMap

from ganspeed.compare.records import TuningRecord
from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.blocks import Params
from ganspeed.params.edits import edit_params
from ganspeed.params.load import load_params
from ganspeed.params.variants import with_defaults
from ganspeed.study.tuning.chosen import Chosen
from ganspeed.system.files import read_json, reading, write_json
from ganspeed.workspace import Workspace


def adopt_tuning(workspace: Workspace, dataset: str) -> str:
    """Write the chosen blocks and preregistration/<dataset>-tuning.json; returns the difference of params.yaml.

    A tuned block is inserted after the published one that it started from, which does not change. Raises UserError,
    nothing written, if there is no tuning or the published blocks, or their networks, have changed since.
    """
    params, path = load_params(workspace.params), workspace.tuning(dataset)
    params.dataset(dataset)
    with reading(path, "`make tune` writes it"):
        tuning = read_json(path)
        arms = TypeAdapter(dict[str, Chosen]).validate_python(tuning["chosen"])
        record = {key: tuning[key] for key in ("dataset", "budget", "metric_sha256", "trials")}
        record["chosen"] = {arm: chosen.block for arm, chosen in arms.items()}
        record["networks"] = {arm: chosen.networks for arm, chosen in arms.items()}
        TuningRecord.from_json(record)  # as it will be read
    _check_current(params, arms, dataset)

    def change(document: CommentedMap) -> None:
        variants = document["variants"]
        for arm, chosen in arms.items():
            complete = params.variant(chosen.variant).resolved()
            block = knobs.with_values(variants[chosen.variant], chosen.values, complete)
            if arm in variants:
                variants[arm] = block
            else:
                variants.insert(list(variants).index(chosen.variant) + 1, arm, block)

    difference = edit_params(workspace.params, change, "tuned")
    write_json(workspace.tuning_record(dataset), record)
    return difference


def _check_current(params: Params, arms: dict[str, Chosen], dataset: str) -> None:
    for arm, chosen in arms.items():
        published = params.variant(chosen.variant).resolved()
        has_all = all(knobs.has(published, knob) for knob in chosen.values)
        if not has_all or knobs.with_values(published, chosen.values) != with_defaults(chosen.block):
            raise UserError(
                f"variants.{chosen.variant}: changed since {arm} was tuned from it on {dataset}; run `make tune` again "
                "or undo the edit"
            )
        if params.networks(dataset, chosen.variant).model_dump(mode="json") != chosen.networks:
            raise UserError(
                f"datasets.{dataset}.networks or variants.{chosen.variant}.networks: changed since {arm} was tuned; "
                "run `make tune` again or undo the edit"
            )
