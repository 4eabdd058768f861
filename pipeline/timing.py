"""Stage `timing`: seconds per update of every variant of the grid on one data set."""

from ganspeed import timing as clock
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def timing(params: Params, workspace: Workspace, dataset: str) -> None:
    """Keep the table that fits, or measure; an empty one where protocol.timing.repeats is 0."""
    measured = clock.keep_or_measure(workspace, params, dataset)
    print(f"{dataset}: {'measured' if measured else 'kept, or empty'}")


if __name__ == "__main__":
    run_stage(timing, "dataset")
