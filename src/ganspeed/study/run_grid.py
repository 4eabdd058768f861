"""What the whole grid lacks, trained and scored side by side into the pool, where the stages find it."""

from ganspeed.params.blocks import Params
from ganspeed.runs.spec import RunSpec, all_specs
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import Job, ObserverFactory, run_jobs, train_all
from ganspeed.scoring.store import scoring_jobs
from ganspeed.system.devices import select_device
from ganspeed.workspace import Workspace


def run_grid(workspace: Workspace, params: Params, watch: ObserverFactory) -> None:
    """Train every missing run, and score it as soon as a process is free; then score what lacks scores all the same."""
    where, store = select_device(), RunStore(workspace)
    with store.lock():
        grid = all_specs(workspace, params, where)
        missing = [spec for spec in grid if store.finished(spec) is None]
        followed: list[RunSpec] = []

        def then(specs: list[RunSpec]) -> list[Job]:
            followed.extend(specs)
            return scoring_jobs(workspace, params, specs)

        train_all(missing, workspace, where, watch, then)
        left = [spec for spec in grid if spec not in followed]
        run_jobs(scoring_jobs(workspace, params, left), where, lambda: watch([]))
