"""Copies the pipeline's files to MLflow: it only reads files, and a second call changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from ganspeed.params.blocks import Params
from ganspeed.tracking.client import Client, TrackingError, create_database, installed, now, tracking_uri, wrap_errors
from ganspeed.tracking.descriptions import describe_experiment, describe_run
from ganspeed.tracking.entities import Key, key_of
from ganspeed.tracking.messages import disable, is_disabled, one_line, warn_not_installed
from ganspeed.tracking.run_files import RunFiles, flat_parameters, read_run_files, row_points
from ganspeed.tracking.timeouts import COMMAND_TIMEOUT, STAGE_TIMEOUT, OnProgress, with_timeout
from ganspeed.tracking.view import VIEW_TAG, view_state
from ganspeed.workspace import Workspace

MIRRORED_TAG = "ganspeed.mirrored"  # the hash of all that was mirrored, set last
SCORES_TAG = "ganspeed.scored"  # the hash of the scores, set before they are logged
ROWS_TAG = "ganspeed.rows"  # the number of history rows that were logged without a gap
HEARTBEAT_TAG = "ganspeed.heartbeat"  # the time of a running run's last heartbeat, in seconds since the epoch
NOTE_TAG = "mlflow.note.content"
HEARTBEAT_TIMEOUT = 120.0  # seconds without a heartbeat after which a running run counts as killed
MLFLOW_STATUS = {"completed": "FINISHED", "diverged": "FAILED"}


@dataclass(frozen=True)
class MirrorSummary:
    """How many runs a call of `mirror` added, updated, created anew because their scores had changed, or left alone."""

    added: int = 0
    updated: int = 0
    rebuilt: int = 0
    unchanged: int = 0


def mirror(
    workspace: Workspace,
    params: Params,
    dataset: str | None = None,
    variant: str | None = None,
    timeout: float = COMMAND_TIMEOUT,
) -> MirrorSummary:
    """Bring MLflow up to date with the runs of params.compare, or of one data set, or of one variant on it.

    Runs that are not trained yet are skipped, as are scores and provenance that do not exist yet. Raises TrackingError
    when MLflow cannot be read or written, or makes no progress for `timeout` seconds; warns and does nothing if MLflow
    is not installed.
    """
    if not installed():
        warn_not_installed()
        return MirrorSummary()
    with wrap_errors(tracking_uri(workspace)):
        create_database(workspace)
        done = with_timeout(lambda on_progress: _mirror(workspace, params, dataset, variant, on_progress), timeout)
    return MirrorSummary(**{action: done.count(action) for action in ("added", "updated", "rebuilt", "unchanged")})


def mirror_safely(workspace: Workspace, params: Params, dataset: str | None = None, variant: str | None = None) -> None:
    """As `mirror`, for a stage: an error is one line on stderr, once in a process, and the stage continues."""
    uri = tracking_uri(workspace)
    if is_disabled(uri):
        return
    try:
        mirror(workspace, params, dataset, variant, STAGE_TIMEOUT)
    except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
        disable(uri, str(error) if isinstance(error, TrackingError) else one_line(uri, error))


def _mirror(
    workspace: Workspace, params: Params, dataset: str | None, variant: str | None, on_progress: OnProgress
) -> list[str]:
    """The action taken for each run, as a field of MirrorSummary; `on_progress` is called after each run and search."""
    done: list[str] = []
    client = Client(workspace)
    with client.lock:
        for name in params.compare.datasets if dataset is None else [dataset]:
            for action in _mirror_dataset(client, workspace, params, name, variant, on_progress):
                done.append(action)
                on_progress()
        if dataset is None:
            for experiment_id in client.other_experiments(params.compare.datasets):
                _hide_stale_runs(client, client.search_runs(experiment_id, on_progress=on_progress), set())
    return done


def experiment_tags(dataset: str, params: Params) -> dict[str, str]:
    """The tags of a data set's experiment: its description, its kind for MLflow's page, and the view."""
    return {
        NOTE_TAG: describe_experiment(dataset, params),
        "mlflow.experimentKind": "custom_model_development",
        VIEW_TAG: view_state(params.compare.variants, params.evaluate.split),
    }


def _mirror_dataset(
    client: Client, workspace: Workspace, params: Params, dataset: str, variant: str | None, on_progress: OnProgress
) -> Iterator[str]:
    """Bring the runs of a data set, or of one variant, up to date one after another; yields the action for each.

    With a variant, the runs of the others stay as they are: they may be trained and not collected yet.
    """
    experiment_id = client.experiment(dataset, experiment_tags(dataset, params))
    known = client.search_runs(experiment_id, {"variant": variant} if variant else None, on_progress)
    cells = product(params.compare.variants if variant is None else [variant], params.compare.seeds)
    read = (read_run_files(workspace, dataset, *cell, params.evaluate.split) for cell in cells)
    trained = [run for run in read if run]
    for run in trained:
        yield _mirror_run(client, experiment_id, run, known.get(key_of(run)))
    keys = {key_of(run) for run in trained}
    others = {key: run for key, run in known.items() if key not in keys}
    seeds = {str(seed) for seed in params.compare.seeds}
    _hide_stale_runs(client, others, {k for k in others if k.variant in params.compare.variants and k.seed in seeds})


def _mirror_run(client: Client, experiment_id: str, run: RunFiles, known: Any | None) -> str:
    """Bring one run up to date; returns the action taken, as a field of MirrorSummary."""
    tags = known.data.tags if known else {}
    status = MLFLOW_STATUS[run.record.status]
    if MIRRORED_TAG in tags and tags[MIRRORED_TAG] == run.content_hash and known.info.status == status:
        if tags["current"] != "true":
            client.log(known.info.run_id, [], {"current": "true"})
            return "updated"
        return "unchanged"
    stale = SCORES_TAG in tags and tags[SCORES_TAG] != run.scores_hash
    if stale:  # MLflow cannot delete points: the old scores would stay beside the new ones
        client.delete(known.info.run_id)
        tags = {}
    if known and not stale:
        run_id, action = known.info.run_id, "updated"
    else:
        run_id = client.create(experiment_id, run, flat_parameters(run.parameters), {})
        action = "rebuilt" if stale else "added"
    _log_missing(client, run_id, run, tags)
    client.set_status(run_id, status)
    client.log(run_id, [], {MIRRORED_TAG: run.content_hash})
    return action


def _log_missing(client: Client, run_id: str, run: RunFiles, tags: Mapping[str, str]) -> None:
    """Log what MLflow's run, which has these tags, may lack."""
    before = {"current": "true", NOTE_TAG: describe_run(run, run.outcome, run.split), **run.tags()}
    client.log(run_id, [], before | ({SCORES_TAG: run.scores_hash} if run.scores_hash else {}))
    history = run.history()
    if ROWS_TAG not in tags or tags[ROWS_TAG] != str(len(history)):
        points = [point for row in history for point in row_points(row, run.record.train_block)]
        client.log(run_id, points, {ROWS_TAG: str(len(history))})
    client.log(run_id, list(run.score_points()), {})
    for picture in run.pictures():
        client.upload(run_id, picture, "samples")


def _hide_stale_runs(client: Client, runs: dict[Key, Any], may_be_alive: set[Key]) -> None:
    """Untag runs without files as `current`, except those in training, and mark runs without a heartbeat as killed."""
    for key, run in runs.items():
        running, tags = run.info.status == "RUNNING", run.data.tags
        alive = running and HEARTBEAT_TAG in tags and now() - float(tags[HEARTBEAT_TAG]) < HEARTBEAT_TIMEOUT
        current = str(alive and key in may_be_alive).lower()
        if tags["current"] != current:
            client.log(run.info.run_id, [], {"current": current})
        if running and not alive:
            client.set_status(run.info.run_id, "KILLED")
