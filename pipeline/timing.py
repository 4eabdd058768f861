"""Stage `timing`: seconds per update of every variant of the grid on one data set."""

from ganspeed.params.blocks import Params
from ganspeed.runs.timing import update_timing
from ganspeed.workspace import Workspace
from stage import run_stage


def timing(params: Params, workspace: Workspace, dataset: str) -> None:
    """Keep the table that fits, or measure; an empty one where protocol.timing.repeats is 0."""
    measured = update_timing(workspace, params, dataset)
    print(f"{dataset}: {'measured' if measured else 'kept, or empty'}")


if __name__ == "__main__":
    run_stage(timing, "dataset")
