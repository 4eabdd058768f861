"""Stage `features`: the metric classifier, and the real images as it sees them."""

from ganspeed import execute, features
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def train_classifier(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train the metric classifier of one data set; fails below its `min_accuracy`."""
    settings = params.dataset(dataset).features
    features.build(dataset, settings, workspace.prepared(dataset), workspace.features(dataset), execute.device())


if __name__ == "__main__":
    run_stage(train_classifier, "dataset")
