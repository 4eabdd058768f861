"""Copies the pipeline's files to MLflow: it only reads files, and a second call changes nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

from ganspeed.params.blocks import Params
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.client import Client, TrackingError, now, wrap_errors
from ganspeed.tracking.descriptions import describe_experiment, describe_run
from ganspeed.tracking.entities import Key, key_of
from ganspeed.tracking.importing import import_backend, installed
from ganspeed.tracking.messages import disable, first_line, is_disabled, one_line, warn, warn_not_installed
from ganspeed.tracking.run_files import RunFiles, flat_parameters, read_run_files, row_points
from ganspeed.tracking.timeouts import COMMAND_TIMEOUT, STAGE_TIMEOUT, OnProgress, with_timeout
from ganspeed.tracking.view import VIEW_TAG, view_state
from ganspeed.workspace import Workspace

MIRRORED_TAG = "ganspeed.mirrored"  # the hash of all that was mirrored, set last
WITHOUT_PICTURES = " without pictures"  # behind that hash, while the pictures are not mirrored
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
    when MLflow cannot be read or written, or makes no progress for `timeout` seconds; when it takes some of the runs
    only, after all others were mirrored. Pictures that it does not take are one warning. Warns and does nothing if
    MLflow is not installed.
    """
    if not installed():
        warn_not_installed()
        return MirrorSummary()
    uri = tracking_uri(workspace)
    with wrap_errors(uri):
        import_backend(uri)
        done = with_timeout(lambda on_progress: _mirror(workspace, params, dataset, variant, on_progress), timeout)
    if done.without_pictures:
        text = f"pictures of {len(done.without_pictures)} runs not mirrored, {done.without_pictures[0]}"
        warn(f"{one_line(uri, text)}; `ganspeed track` tries them again")
    if done.failed:
        raise TrackingError(one_line(uri, f"{len(done.failed)} not mirrored, the others are: {done.failed[0]}"))
    counts = list(done.actions.values())
    return MirrorSummary(**{action: counts.count(action) for action in ("added", "updated", "rebuilt", "unchanged")})


def mirror_safely(workspace: Workspace, params: Params, dataset: str | None = None, variant: str | None = None) -> None:
    """As `mirror`, for a stage: an error is one line on stderr, once in a process, and the stage continues."""
    uri = tracking_uri(workspace)
    if is_disabled(uri):
        return
    try:
        mirror(workspace, params, dataset, variant, STAGE_TIMEOUT)
    except Exception as error:  # noqa: BLE001 a mirror must not break what it mirrors
        disable(uri, str(error) if isinstance(error, TrackingError) else one_line(uri, error))


def experiment_tags(dataset: str, params: Params) -> dict[str, str]:
    """The tags of a data set's experiment: its description, its kind for MLflow's page, and the view."""
    return {
        NOTE_TAG: describe_experiment(dataset, params),
        "mlflow.experimentKind": "custom_model_development",
        VIEW_TAG: view_state(params.compare.variants, params.evaluate.split),
    }


def _mirror(
    workspace: Workspace, params: Params, dataset: str | None, variant: str | None, on_progress: OnProgress
) -> "_Mirroring":
    mirroring = _Mirroring(Client(workspace, on_progress), workspace, params, on_progress)
    with mirroring.client.lock:
        for name in params.compare.datasets if dataset is None else [dataset]:
            with mirroring.guard(name):
                mirroring.mirror_dataset(name, variant)
        if dataset is None:
            mirroring.hide_other_datasets()
        mirroring.upload_pictures()
    return mirroring


class _Mirroring:
    """One call of `mirror`: what ails one run, or one part of it, does not keep the others from being mirrored."""

    def __init__(self, client: Client, workspace: Workspace, params: Params, on_progress: OnProgress):
        self.client = client
        self.actions: dict[str, str] = {}  # run id → a field of MirrorSummary
        self.failed: list[str] = []  # runs and data sets, with the reason
        self.without_pictures: list[str] = []  # runs, with the reason
        self._workspace, self._params, self._on_progress = workspace, params, on_progress
        self._pictures: dict[str, RunFiles] = {}  # run id → the run whose pictures are to be uploaded

    @contextmanager
    def guard(self, what: str, failures: list[str] | None = None) -> Iterator[None]:
        """Note an error within this context among the failures; what succeeds is progress."""
        try:
            yield
            self._on_progress()
        except Exception as error:  # noqa: BLE001 the store may refuse anything
            (self.failed if failures is None else failures).append(f"{what}: {first_line(error)}")

    def mirror_dataset(self, dataset: str, variant: str | None) -> None:
        """Bring the runs of a data set, or of one variant, up to date one after another.

        With a variant, the runs of the others stay as they are: they may be trained and not collected yet.
        """
        grid, split = self._params.compare, self._params.evaluate.split
        experiment_id = self.client.experiment(dataset, experiment_tags(dataset, self._params))
        known = self.client.search_runs(experiment_id, {"variant": variant} if variant else None, self._on_progress)
        cells = list(product(grid.variants if variant is None else [variant], grid.seeds))
        keys, unread = set(), {(name, str(seed)) for name, seed in cells}
        for name, seed in cells:
            with self.guard(_label(dataset, name, seed)):
                run = read_run_files(self._workspace, dataset, name, seed, split)
                unread.discard((name, str(seed)))
                if run:
                    keys.add(key_of(run))
                    self._mirror_run(experiment_id, run, known.get(key_of(run)))
        seeds = {str(seed) for seed in grid.seeds}
        others = {key: run for key, run in known.items() if key not in keys and (key.variant, key.seed) not in unread}
        self._hide_stale_runs(dataset, others, {k for k in others if k.variant in grid.variants and k.seed in seeds})

    def hide_other_datasets(self) -> None:
        """Take the runs of data sets that params.yaml no longer names out of the view."""
        with self.guard("data sets of before"):
            for dataset, experiment_id in self.client.other_experiments(self._params.compare.datasets).items():
                runs = self.client.search_runs(experiment_id, on_progress=self._on_progress)
                self._hide_stale_runs(dataset, runs, set())

    def upload_pictures(self) -> None:
        """Upload what is missing of the pictures of all runs that this call has mirrored."""
        for run_id, run in self._pictures.items():
            with self.guard(_label(run.dataset, run.variant, run.seed), self.without_pictures):
                with run.numbered_pictures() as folder:
                    self.client.upload(run_id, folder, "samples")
                self.client.log(run_id, [], {MIRRORED_TAG: run.content_hash})
                if self.actions[run_id] == "unchanged":
                    self.actions[run_id] = "updated"

    def _mirror_run(self, experiment_id: str, run: RunFiles, known: Any | None) -> None:
        """Bring one run up to date, but for its pictures."""
        tags = known.data.tags if known else {}
        if SCORES_TAG in tags and tags[SCORES_TAG] != run.scores_hash:
            self.client.delete(known.info.run_id)  # MLflow cannot delete points: the old scores would stay beside
            tags, action, run_id = {}, "rebuilt", self.client.create(experiment_id, run, {})
        elif known:
            action, run_id = "updated", known.info.run_id
        else:
            action, run_id = "added", self.client.create(experiment_id, run, {})
        mirrored, status = tags.get(MIRRORED_TAG, ""), MLFLOW_STATUS[run.record.status]
        if mirrored.removesuffix(WITHOUT_PICTURES) == run.content_hash and known.info.status == status:
            if tags.get("current") == "true":
                action = "unchanged"
            else:
                self.client.log(run_id, [], {"current": "true"})
        else:
            self._log_missing(run_id, run, tags, known.data.params if tags else {})
            mirrored = run.content_hash + WITHOUT_PICTURES
            self.client.log(run_id, [], {MIRRORED_TAG: mirrored})
        self.actions[run_id] = action
        if mirrored != run.content_hash:
            self._pictures[run_id] = run

    def _log_missing(self, run_id: str, run: RunFiles, tags: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        """Log what MLflow's run, which has these tags and parameters, may lack."""
        self.client.set_status(run_id, MLFLOW_STATUS[run.record.status])
        missing = {name: value for name, value in flat_parameters(run.parameters).items() if name not in parameters}
        self.client.log_parameters(run_id, missing)
        before = {"current": "true", NOTE_TAG: describe_run(run, run.outcome, run.split), **run.tags()}
        self.client.log(run_id, [], before | ({SCORES_TAG: run.scores_hash} if run.scores_hash else {}))
        history = run.history()
        if tags.get(ROWS_TAG) != str(len(history)):
            points = [point for row in history for point in row_points(row, run.record.train_block)]
            self.client.log(run_id, points, {ROWS_TAG: str(len(history))})
        self.client.log(run_id, list(run.score_points()), {})

    def _hide_stale_runs(self, dataset: str, runs: dict[Key, Any], may_be_alive: set[Key]) -> None:
        """Untag runs without files as `current`, except those in training; mark those without a heartbeat as killed."""
        for key, run in runs.items():
            with self.guard(_label(dataset, key.variant, key.seed)):
                running = run.info.status == "RUNNING"
                alive = running and _is_beating(run.data.tags.get(HEARTBEAT_TAG))
                current = str(alive and key in may_be_alive).lower()
                if run.data.tags.get("current") != current:
                    self.client.log(run.info.run_id, [], {"current": current})
                if running and not alive:
                    self.client.set_status(run.info.run_id, "KILLED")


def _label(dataset: str, variant: str, seed: int | str) -> str:
    return f"{dataset} {variant} seed {seed}"


def _is_beating(heartbeat: str | None) -> bool:
    """Whether a heartbeat is near to now: one that lies ahead was made before the clock was set back."""
    try:
        return abs(now() - float(heartbeat or "nan")) < HEARTBEAT_TIMEOUT
    except ValueError:
        return False
