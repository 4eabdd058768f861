"""Stage `pilot`: a few long runs of one variant, which fix the length and the thresholds of a study."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.study import pilot as piloting
from ganspeed.tracking.terminal import Study, terminal_observer
from ganspeed.workspace import Workspace


def pilot(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train and score the pilot of one data set; does nothing when it is up to date."""
    scored = piloting.run_pilot(workspace, params, dataset, lambda specs: [terminal_observer(Study.of(specs))])
    print(f"{dataset}: {scored} pilot runs scored; `ganspeed freeze {dataset}` takes length and thresholds from them")


if __name__ == "__main__":
    run_stage(pilot, "dataset")
