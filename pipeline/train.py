"""Stage `train`: one variant on one data set, its seeds side by side."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.runs.train import train_cell
from ganspeed.tracking import terminal
from ganspeed.tracking.mirror import mirror_safely
from ganspeed.workspace import Workspace


def train(params: Params, workspace: Workspace, dataset: str, variant: str) -> None:
    """Keep the runs that are up to date, collect those in the run cache, train the missing ones."""
    if train_cell(workspace, params, dataset, variant, terminal.make_observers(workspace, params)):
        mirror_safely(workspace, params, dataset, variant)  # without new runs, the stage report mirrors them


if __name__ == "__main__":
    run_stage(train, "dataset", "variant")
