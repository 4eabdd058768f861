"""Stage `report`: one page that opens offline, the tables and the figures."""

from ganspeed import report as reporting
from ganspeed import tracking
from ganspeed.params import Params
from ganspeed.workspace import Workspace
from stage import run_stage


def report(params: Params, workspace: Workspace) -> None:
    """Write reports/ from the results of every run that params.compare names."""
    reporting.write(workspace, params)
    tracking.mirror_safely(workspace, params)  # a removed variant runs no other stage, and must leave the view


if __name__ == "__main__":
    run_stage(report)
