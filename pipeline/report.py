"""Stage `report`: a page that opens offline, with tables and figures."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.report import write as reporting
from ganspeed.tracking.mirror import mirror_safely
from ganspeed.workspace import Workspace


def report(params: Params, workspace: Workspace) -> None:
    """Write reports/ from the results of every run that params.compare names."""
    reporting.write_report(workspace, params)
    mirror_safely(workspace, params)  # removing a variant runs no other stage, and must update the view
    print(f"report: {workspace.reports / 'index.html'}")  # how a plain `dvc repro` ends


if __name__ == "__main__":
    run_stage(report)
