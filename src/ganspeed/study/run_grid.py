"""All missing runs and scores of the grid, computed in parallel into the run cache, where the stages find them."""

from ganspeed.params.blocks import Params
from ganspeed.runs.dvc_cache import restore_from_dvc
from ganspeed.runs.observers import ObserverFactory
from ganspeed.runs.outdated import find_outdated, print_outdated
from ganspeed.runs.spec import RunSpec, all_specs
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import Job, run_jobs, train_all
from ganspeed.scoring.store import scoring_jobs
from ganspeed.system.devices import select_device
from ganspeed.workspace import Workspace


def run_grid(workspace: Workspace, params: Params, make_observers: ObserverFactory) -> None:
    """Train every missing run and score it once a process is free; then score the other runs that lack scores."""
    device, store = select_device(), RunStore(workspace)
    with store.lock():
        grid = all_specs(workspace, params, device)
        restore_from_dvc(workspace, [spec for spec in grid if store.finished(spec) is None])
        missing = [spec for spec in grid if store.finished(spec) is None]
        print_outdated(find_outdated(store, missing), missing)
        followed: list[RunSpec] = []

        def followups(specs: tuple[RunSpec, ...]) -> list[Job]:
            followed.extend(specs)
            return scoring_jobs(workspace, params, specs)

        train_all(missing, workspace, device, make_observers, followups)
        others = [spec for spec in grid if spec not in followed]
        run_jobs(scoring_jobs(workspace, params, others), device, make_observers)
