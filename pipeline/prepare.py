"""Stage `prepare`: a data set as float32 arrays in [-1, 1] with a manifest."""

from ganspeed import data
from ganspeed.errors import UserError
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def prepare(params: Params, workspace: Workspace, dataset: str) -> None:
    """Prepare one data set of params.yaml."""
    if dataset not in params.datasets:
        raise UserError(f"unknown data set {dataset!r}; available: {', '.join(params.datasets)}")
    data.prepare(dataset, params.datasets[dataset].data, workspace.source_data, workspace.prepared(dataset))


if __name__ == "__main__":
    run_stage(prepare, "dataset")
