"""From the pipeline's files to MLflow: reads files only, and a second call changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganspeed.params.blocks import Params
from ganspeed.tracking.client import (
    Client,
    Key,
    TrackingError,
    create_database,
    installed,
    key_of,
    now,
    one_line,
    tracking_uri,
    translated_errors,
    warn_not_installed,
)
from ganspeed.tracking.descriptions import describe_experiment, describe_run
from ganspeed.tracking.run_files import RunFiles, flat_parameters, read_run_files, row_points
from ganspeed.tracking.timeouts import HAND_SECONDS, STAGE_SECONDS, give_up, given_up, with_timeout
from ganspeed.tracking.view import VIEW_TAG, view_state
from ganspeed.workspace import Workspace

MIRRORED = "ganspeed.mirrored"  # tag: the hash of all that was mirrored, set last
SCORED = "ganspeed.scored"  # tag: the hash of the scores that were logged, set before they are
ROWS = "ganspeed.rows"  # tag: rows of the history that were logged without a gap
HEARTBEAT = "ganspeed.heartbeat"  # tag: when training in progress last gave a sign of life
ALIVE_SECONDS = 120.0
NOTE = "mlflow.note.content"
STATUS = {"completed": "FINISHED", "diverged": "FAILED"}


@dataclass(frozen=True)
class Summary:
    """What a call of `mirror` did, in runs; `rebuilt` ones had been scored anew."""

    added: int = 0
    updated: int = 0
    rebuilt: int = 0
    unchanged: int = 0


def mirror(
    workspace: Workspace,
    params: Params,
    dataset: str | None = None,
    variant: str | None = None,
    patience: float = HAND_SECONDS,
) -> Summary:
    """Bring MLflow up to date with the runs of params.compare, or of one data set, or of one variant on it.

    Runs that are not trained yet are passed over, as are scores and provenance that are not there yet. Raises
    TrackingError when MLflow cannot be read or written, or has no run up to date within `patience` seconds; does
    nothing, and says so, where it is not installed.
    """
    if not installed():
        warn_not_installed()
        return Summary()
    with translated_errors(tracking_uri(workspace)):
        create_database(workspace)
        done = with_timeout(lambda got_on: _mirror(workspace, params, dataset, variant, got_on), patience)
    return Summary(**{what: done.count(what) for what in ("added", "updated", "rebuilt", "unchanged")})


def mirror_safely(workspace: Workspace, params: Params, dataset: str | None = None, variant: str | None = None) -> None:
    """As `mirror`, for a stage: whatever goes wrong is one line on stderr, once in a process, and the stage goes on."""
    uri = tracking_uri(workspace)
    if given_up(uri):
        return
    try:
        mirror(workspace, params, dataset, variant, STAGE_SECONDS)
    except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
        text = str(error) if isinstance(error, TrackingError) else one_line(uri, error)
        give_up(uri, f"{text} (no result depends on it; `ganspeed track` catches up)")


def _mirror(
    workspace: Workspace, params: Params, dataset: str | None, variant: str | None, got_on: Callable[[], None]
) -> list[str]:
    """What was done, run by run; `got_on` is called at each, and whenever runs were looked up."""
    done: list[str] = []
    store = Client(workspace)
    with store.lock:
        for name in params.compare.datasets if dataset is None else [dataset]:
            for what in _mirror_dataset(store, workspace, params, name, variant, got_on):
                done.append(what)
                got_on()
        if dataset is None:
            for experiment_id in store.other_experiments(params.compare.datasets):
                _retire(store, store.runs(experiment_id, got_on=got_on), set())
    return done


def experiment_tags(dataset: str, params: Params) -> dict[str, str]:
    """The tags of a data set's experiment: its description, its kind for MLflow's page, and the view."""
    return {
        NOTE: describe_experiment(dataset, params),
        "mlflow.experimentKind": "custom_model_development",
        VIEW_TAG: view_state(params.compare.variants, params.evaluate.split),
    }


def _mirror_dataset(
    store: Client, workspace: Workspace, params: Params, dataset: str, only: str | None, got_on: Callable[[], None]
) -> Iterator[str]:
    """Bring the runs of a data set, or of one variant, up to date one after another; yields what was done with each.

    One variant's runs leave the others alone, for these may be trained and not collected yet.
    """
    experiment_id = store.experiment(dataset, experiment_tags(dataset, params))
    known = store.runs(experiment_id, {"variant": only} if only else None, got_on)
    recorded = [
        run
        for variant in (params.compare.variants if only is None else [only])
        for seed in params.compare.seeds
        if (run := read_run_files(workspace, dataset, variant, seed, params.evaluate.split))
    ]
    for run in recorded:
        yield _mirror_run(store, experiment_id, run, known.get(key_of(run)))
    kept = {key_of(run) for run in recorded}
    others = {key: run for key, run in known.items() if key not in kept}
    seeds = {str(seed) for seed in params.compare.seeds}
    _retire(store, others, {k for k in others if k.variant in params.compare.variants and k.seed in seeds})


def _mirror_run(store: Client, experiment_id: str, run: RunFiles, known: Any | None) -> str:
    """Bring one run up to date; says what was done, as a field of Summary."""
    tags = known.data.tags if known else {}
    status = STATUS[run.run["status"]]
    if MIRRORED in tags and tags[MIRRORED] == run.content and known.info.status == status:
        if tags["current"] != "true":
            store.log(known.info.run_id, [], {"current": "true"})
            return "updated"
        return "unchanged"
    stale = SCORED in tags and tags[SCORED] != run.scored
    if stale:  # points cannot be taken back, so that new scores would stand beside the old ones
        store.delete(known.info.run_id)
        tags = {}
    if known and not stale:
        run_id, what = known.info.run_id, "updated"
    else:
        run_id = store.create(experiment_id, run, flat_parameters(run.parameters), {})
        what = "rebuilt" if stale else "added"
    _fill(store, run_id, run, tags)
    store.set_status(run_id, status)
    store.log(run_id, [], {MIRRORED: run.content})
    return what


def _fill(store: Client, run_id: str, run: RunFiles, tags: Mapping[str, str]) -> None:
    """Log what MLflow's run, which bears these tags, may lack."""
    before = {"current": "true", NOTE: describe_run(run, run.outcome, run.split), **run.tags()}
    store.log(run_id, [], before | ({SCORED: run.scored} if run.scored else {}))
    history = run.history()
    if ROWS not in tags or tags[ROWS] != str(len(history)):
        points = [point for row in history for point in row_points(row, run.parameters["train"])]
        store.log(run_id, points, {ROWS: str(len(history))})
    store.log(run_id, list(run.score_points()), {})
    for picture in run.pictures():
        store.upload(run_id, picture, "samples")


def _retire(store: Client, runs: dict[Key, Any], may_be_alive: set[Key]) -> None:
    """Take runs that no file speaks for out of the view, but those that are being trained; a killed one has ended."""
    for key, run in runs.items():
        running, tags = run.info.status == "RUNNING", run.data.tags
        alive = running and HEARTBEAT in tags and now() - float(tags[HEARTBEAT]) < ALIVE_SECONDS
        current = str(alive and key in may_be_alive).lower()
        if tags["current"] != current:
            store.log(run.info.run_id, [], {"current": current})
        if running and not alive:
            store.set_status(run.info.run_id, "KILLED")
