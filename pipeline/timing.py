"""Stage `timing`: seconds per update of every variant of the grid on one data set."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.runs.timing import update_timing
from ganspeed.workspace import Workspace


def timing(params: Params, workspace: Workspace, dataset: str) -> None:
    """Measure, unless the table is up to date; it is empty when protocol.timing.repeats is 0."""
    measured = update_timing(workspace, params, dataset)
    print(f"{dataset}: {'measured' if measured else 'up to date, or empty'}")


if __name__ == "__main__":
    run_stage(timing, "dataset")
