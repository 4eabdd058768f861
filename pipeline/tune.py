"""Stage `tune`: the same search for every arm on one data set."""

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
