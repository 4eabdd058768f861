"""Stage `features`: the metric classifiers, and the real images as they see them."""

from ganspeed.params.blocks import Params
from ganspeed.scoring.train_classifier import build
from ganspeed.system.devices import select_device, worker_count
from ganspeed.workspace import Workspace
from stage import run_stage


def train_classifiers(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train the two metric classifiers of one data set; fails where one is below its `min_accuracy`."""
    settings, where = params.dataset(dataset).features, select_device()
    folders = workspace.prepared(dataset), workspace.features(dataset)
    build(dataset, settings, *folders, where, worker_count(where))


if __name__ == "__main__":
    run_stage(train_classifiers, "dataset")
