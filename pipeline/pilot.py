"""Stage `pilot`: a few long runs of one variant, from which length and thresholds are taken."""

from ganspeed import pilot as piloting
from ganspeed import progress
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def pilot(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train and score the pilot of one data set; keeps what fits."""
    scored = piloting.run(workspace, params, dataset, lambda specs: [progress.observer(len(specs))])
    print(f"{dataset}: {scored} pilot runs scored; `ganspeed freeze {dataset}` takes length and thresholds from them")


if __name__ == "__main__":
    run_stage(pilot, "dataset")
