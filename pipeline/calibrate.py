"""Stage `calibrate`: the metrics of real, blurred, thinned and Gaussian images, to read the others by."""

from ganspeed import calibration
from ganspeed.errors import UserError
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def calibrate(params: Params, workspace: Workspace, dataset: str) -> None:
    """Write the calibration rows of one data set."""
    if dataset not in params.datasets:
        raise UserError(f"unknown data set {dataset!r}; available: {', '.join(params.datasets)}")
    calibration.calibrate(
        dataset,
        workspace.prepared(dataset),
        workspace.features(dataset),
        params.evaluate,
        params.datasets[dataset].evaluate.samples,
        workspace.calibration(dataset),
    )


if __name__ == "__main__":
    run_stage(calibrate, "dataset")
