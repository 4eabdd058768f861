"""The main function of every stage: command line, params, exit status."""

import argparse
from collections.abc import Callable
from pathlib import Path

from ganspeed.params.load import load_params
from ganspeed.system.exit_status import exit_status
from ganspeed.system.output import drop_what_cannot_be_written
from ganspeed.system.shutdown import exit_now, stop_with_dvc
from ganspeed.workspace import Workspace


def run_stage(body: Callable[..., None], *arguments: str) -> None:
    """Call `body(params, workspace, *arguments)` with the named arguments from the command line, and end the process.

    The study is in the current folder.
    """
    drop_what_cannot_be_written("stdout", "stderr")
    parser = argparse.ArgumentParser(description=body.__doc__)
    for name in arguments:
        parser.add_argument(name)
    given = parser.parse_args()
    workspace = Workspace(Path.cwd())
    stop_with_dvc()

    def stage() -> None:
        body(load_params(workspace.params), workspace, *(getattr(given, name) for name in arguments))

    exit_now(exit_status(stage, workspace.root))
