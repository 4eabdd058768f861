"""Stage `calibrate`: the metrics of real, blurred, thinned and Gaussian images, as a scale for the scores."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.scoring import calibration
from ganspeed.workspace import Workspace


def calibrate(params: Params, workspace: Workspace, dataset: str) -> None:
    """Write the calibration rows of one data set."""
    calibration.calibrate(
        dataset,
        workspace.prepared(dataset),
        workspace.features(dataset),
        params.evaluate,
        params.dataset(dataset).evaluate.samples,
        workspace.calibration(dataset),
        params.dataset(dataset).data.classes,
    )


if __name__ == "__main__":
    run_stage(calibrate, "dataset")
