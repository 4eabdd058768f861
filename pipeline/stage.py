"""The main function of every stage: command line, params, exit status, and what changed while it ran."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import package_path  # noqa: F401
from declared import SCRIPTS, changed, declared

from ganspeed import source_files
from ganspeed.errors import UserError
from ganspeed.params.load import params_of, read_yaml
from ganspeed.runs.provenance import git_state
from ganspeed.system.exit_status import exit_status
from ganspeed.system.files import remove_unfinished
from ganspeed.system.output import drop_what_cannot_be_written
from ganspeed.system.shutdown import exit_now, stop_with_dvc
from ganspeed.training.engines.cpp_compiler import set_cache
from ganspeed.workspace import Workspace

os.environ["MPLBACKEND"] = "agg"  # figures are files; a name that matplotlib does not know would end its import


def run_stage(body: Callable[..., None], *arguments: str, limits: bool = True) -> None:
    """Call `body(params, workspace, *arguments)` with the named arguments from the command line, and end the process.

    The study is in the current folder. The status is 2 if what dvc.yaml declares for the stage changed while it ran:
    DVC then records nothing, and the stage runs again. limits: False for a body that no number of images or seeds
    concerns.
    """
    drop_what_cannot_be_written("stdout", "stderr")
    parser = argparse.ArgumentParser(description=body.__doc__)
    for name in arguments:
        parser.add_argument(name)
    item, workspace = vars(parser.parse_args()), Workspace(Path.cwd())
    stop_with_dvc()
    set_cache(workspace.machine_code)

    def stage() -> None:
        name = Path(sys.argv[0]).stem
        sources = {source_files.PACKAGE / file: digest for file, digest in source_files.HASHES.items()}
        git_state(workspace.root)  # before params.yaml is read: an edit of it may be taken back before training starts
        document = read_yaml(workspace.params)  # once: an edit that is taken back between two reads would not be seen
        params = params_of(document, workspace.root, limits)
        before = declared(workspace.root, name, item, document, SCRIPTS | sources)
        for folder in workspace.outputs:
            remove_unfinished(folder, spare_running=True)
        body(params, workspace, *item.values())
        if names := changed(before, declared(workspace.root, name, item, read_yaml(workspace.params))):
            raise UserError(
                f"changed while the stage {name} ran: {', '.join(names)}; DVC would record what was not used, so this "
                "stage counts as failed. Finished work is saved: run `dvc repro` again"
            )

    exit_now(exit_status(stage, workspace.root))
