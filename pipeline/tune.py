"""Stage `tune`: the same search for every arm on one data set."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.study.tuning.tune import run_tuning
from ganspeed.tracking.terminal import Study, terminal_observer
from ganspeed.workspace import Workspace


def tune(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train and score the missing trials; continues where it was stopped."""
    scored = run_tuning(workspace, params, dataset, lambda specs: [terminal_observer(Study.of(specs))])
    print(f"{dataset}: {scored} trials scored; `ganspeed adopt-tuning {dataset}` writes the choice to params.yaml")


if __name__ == "__main__":
    run_stage(tune, "dataset")
