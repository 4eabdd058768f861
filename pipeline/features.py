"""Stage `features`: the metric classifiers, and the embedded real images."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.scoring.train_classifier import build
from ganspeed.system.devices import select_device, worker_count
from ganspeed.workspace import Workspace


def train_classifiers(params: Params, workspace: Workspace, dataset: str) -> None:
    """Train the two metric classifiers of one data set; fails when one is below `min_accuracy`."""
    settings, device = params.dataset(dataset).features, select_device()
    folders = workspace.prepared(dataset), workspace.features(dataset)
    build(dataset, settings, *folders, device, worker_count(device))


if __name__ == "__main__":
    run_stage(train_classifiers, "dataset")
