"""Stage `check`: refuse a params.yaml with mistakes, and move what it no longer names to the run cache.

run_stage reads and checks the params before it calls the body. The output is constant, so that an edit that changes
nothing for a later stage does not run it.
"""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])  # where stage.py is, with PYTHONSAFEPATH as well

from stage import run_stage

from ganspeed.params.blocks import Params
from ganspeed.runs.cache import stash_unnamed
from ganspeed.system.files import write_text
from ganspeed.workspace import Workspace


def check(params: Params, workspace: Workspace) -> None:
    """Report every mistake in params.yaml; move runs and scores that it no longer names to .runs/."""
    stash_unnamed(workspace, params)
    write_text(workspace.artifacts / "check.txt", "params.yaml is in order\n")


if __name__ == "__main__":
    run_stage(check)
