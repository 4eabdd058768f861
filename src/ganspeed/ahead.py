"""What the whole grid lacks, trained and scored side by side into the pool, where the stages find it."""

from ganspeed import execute, scores
from ganspeed.params import Params
from ganspeed.runs import RunSpec, RunStore
from ganspeed.workspace import Workspace


def ahead(workspace: Workspace, params: Params, watch: execute.Watch) -> None:
    """Train every missing run, and score it as soon as a process is free; then score what lacks scores all the same."""
    where, store = execute.device(), RunStore(workspace)
    with store.lock():
        grid = execute.grid(workspace, params, where)
        missing = [spec for spec in grid if store.finished(spec) is None]
        followed: list[RunSpec] = []

        def then(specs: list[RunSpec]) -> list[execute.Work]:
            followed.extend(specs)
            return scores.work_ahead(workspace, params, specs)

        execute.train_all(missing, workspace, where, watch, then)
        left = [spec for spec in grid if spec not in followed]
        execute.do_all(scores.work_ahead(workspace, params, left), where, lambda: watch([]))
