"""Stage `prepare`: a data set as float32 arrays in [-1, 1] with a manifest."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.data.prepare import prepare_dataset
from ganspeed.params.blocks import Params
from ganspeed.workspace import Workspace


def prepare(params: Params, workspace: Workspace, dataset: str) -> None:
    """Prepare one data set of params.yaml."""
    prepare_dataset(dataset, params.dataset(dataset).data, workspace.source_data, workspace.prepared(dataset))


if __name__ == "__main__":
    run_stage(prepare, "dataset", limits=False)  # it says how many pictures there are, by which limits are met
