"""What the whole grid lacks, trained and scored side by side into the pool, where the stages find it."""

from ganspeed import execute, scores
from ganspeed.params import Params
from ganspeed.runs import RunSpec, RunStore
from ganspeed.workspace import Workspace


def ahead(workspace: Workspace, params: Params, watch: execute.Watch) -> None:
    """Train every missing run, and score it as soon as a process is free; score those that only lack scores."""
    where, store = execute.device(), RunStore(workspace)
    with store.lock():
        grid = execute.grid(workspace, params, where)
        missing = [spec for spec in grid if store.finished(spec) is None]

        def then(done: list[RunSpec]) -> list[execute.Work]:
            fingerprints = {spec.fingerprint for spec in done}  # two variants may share a run, and each has its scores
            return scores.work_ahead(workspace, params, (spec for spec in grid if spec.fingerprint in fingerprints))

        execute.train_all(missing, workspace, where, watch, scores.work_ahead(workspace, params, grid), then)
