"""Which runs does the study still need: those that `ganspeed gc` must leave in the run cache?"""

from collections.abc import Callable
from contextlib import suppress

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.spec import RunSpec, all_specs
from ganspeed.study.pilot import is_scored, plan_pilot
from ganspeed.study.tuning.trials import plan_trials
from ganspeed.study.tuning.tune import is_tuned
from ganspeed.system.devices import select_device
from ganspeed.workspace import Workspace


def needed_runs(workspace: Workspace, params: Params) -> set[str]:
    """The fingerprints of the grid's runs, and of those of every pilot and tuning that has no result yet.

    Raises DataError when a data set of the grid is not prepared.
    """
    specs = all_specs(workspace, params, select_device())
    for dataset in params.compare.datasets:
        specs += _of_pilot(workspace, params, dataset) + _of_tuning(workspace, params, dataset)
    return {spec.fingerprint for spec in specs}


def _of_pilot(workspace: Workspace, params: Params, dataset: str) -> list[RunSpec]:
    val_runs, specs = plan_pilot(workspace, params, dataset)
    return [] if _is_done(lambda: is_scored(workspace, dataset, val_runs, specs)) else specs


def _of_tuning(workspace: Workspace, params: Params, dataset: str) -> list[RunSpec]:
    trials = plan_trials(workspace, params, dataset)
    done = _is_done(lambda: is_tuned(workspace, dataset, trials))
    return [] if done else [spec for trial in trials for spec in trial.specs]


def _is_done(check: Callable[[], bool]) -> bool:
    with suppress(UserError):  # without the metric classifiers nothing is scored
        return check()
    return False
