"""Stage `features`: the metric classifiers, and the real images as they see them."""

from ganspeed import execute, features
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def train_classifiers(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train the two metric classifiers of one data set; fails where one is below its `min_accuracy`."""
    settings, where = params.dataset(dataset).features, execute.device()
    folders = workspace.prepared(dataset), workspace.features(dataset)
    features.build(dataset, settings, *folders, where, execute.workers(where))


if __name__ == "__main__":
    run_stage(train_classifiers, "dataset")
