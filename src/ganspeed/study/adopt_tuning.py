"""`ganspeed adopt-tuning`: what tuning chose, as variants of params.yaml beside the published ones."""

from ruamel.yaml.comments import CommentedMap

from ganspeed.errors import UserError
from ganspeed.params import knobs
from ganspeed.params.blocks import Params
from ganspeed.params.edits import edit_params
from ganspeed.params.load import load_params
from ganspeed.system.files import read_json, write_json
from ganspeed.workspace import Workspace


def adopt_tuning(workspace: Workspace, dataset: str) -> str:
    """Write the chosen blocks and preregistration/<dataset>-tuning.json; returns the difference of params.yaml.

    A tuned block stands behind the published one that it started from, which stays as it is. Raises UserError, nothing
    written, where there is no tuning or the published blocks have changed since.
    """
    params, path = load_params(workspace.params), workspace.tuned(dataset)
    params.dataset(dataset)
    if not path.exists():
        raise UserError(f"{path}: no such file; `make tune` writes it")
    record = read_json(path)
    _refuse_stale(params, record, dataset)

    def change(document: CommentedMap) -> None:
        variants = document["variants"]
        for arm, chosen in record["chosen"].items():
            block = knobs.with_values(variants[chosen["variant"]], chosen["values"])
            if arm in variants:
                variants[arm] = block
            else:
                variants.insert(list(variants).index(chosen["variant"]) + 1, arm, block)

    difference = edit_params(workspace.params, change, "tuned")
    write_json(workspace.tuning(dataset), preregistered(record))
    return difference


def preregistered(tuning: dict) -> dict:
    """The content of preregistration/<dataset>-tuning.json: what was chosen, and on which budget."""
    return {
        "dataset": tuning["dataset"],
        "budget": tuning["budget"],
        "metric_sha256": tuning["metric_sha256"],
        "chosen": {arm: chosen["block"] for arm, chosen in tuning["chosen"].items()},
        "trials": tuning["trials"],
    }


def _refuse_stale(params: Params, record: dict, dataset: str) -> None:
    for arm, chosen in record["chosen"].items():
        published = params.variant(chosen["variant"]).resolved()
        if knobs.with_values(published, chosen["values"]) != chosen["block"]:
            raise UserError(
                f"variants.{chosen['variant']}: changed since {arm} was tuned from it on {dataset}; run `make tune` "
                f"again or take the edit back"
            )
