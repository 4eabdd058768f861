"""The calls of MLflow that the mirror needs, in the experiments of this study."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganspeed.errors import UserError
from ganspeed.tracking.address import artifact_folder, is_database, is_own_database, is_server, tracking_uri
from ganspeed.tracking.database import (
    create_database,
    mlflow_lock,
    move_artifacts,
    statements_are_progress,
    try_connection,
)
from ganspeed.tracking.entities import PREFIX, Key, Point, Spec, experiment_name, key_of, timestamp
from ganspeed.tracking.identity import study_id
from ganspeed.tracking.importing import import_backend, import_mlflow
from ganspeed.tracking.messages import one_line
from ganspeed.tracking.timeouts import OnProgress, no_progress
from ganspeed.workspace import Workspace

MAX_BATCH_POINTS = 1000  # points that one request may carry
RUNS_PER_PAGE = 200  # runs in one answer of a search: it takes half a second
STUDY_TAG = "ganspeed.study"  # of an experiment: the id of the study whose runs it shows
DATASET_TAG = "ganspeed.dataset"  # of an experiment: its data set, however the experiment is named by now


class TrackingError(UserError):
    """MLflow cannot be read or written."""


class Client:
    """A client of the study's MLflow store. Raises what mlflow raises, and TimeoutError when the lock is not released.

    It sees the experiments of this study alone: one for each data set, with the study's id as a tag. The database in
    the root of the study is this study's whatever the tags say, since it may be copied with the folder.

    Hold `lock` while you look something up and create it if it does not exist, so that it is created once.
    """

    def __init__(self, workspace: Workspace, on_progress: OnProgress = no_progress):
        self.uri = tracking_uri(workspace)
        import_backend(self.uri)
        mlflow = import_mlflow()
        self._entities = mlflow.entities
        self._artifacts = artifact_folder(workspace)
        self._owns_store = is_own_database(workspace, self.uri)
        create_database(workspace, on_progress)
        if is_database(self.uri):
            try_connection(self.uri)
        self.lock = mlflow_lock(workspace)
        with self.lock, statements_are_progress(self.uri, on_progress):  # a database elsewhere may be new as well
            self._study = study_id(workspace)
            self._client = mlflow.MlflowClient(self.uri)
            self._client.search_experiments(max_results=1)

    def experiment(self, dataset: str, tags: dict[str, str]) -> str:
        """The id of the data set's experiment, created if it does not exist; its tags are updated."""
        with self.lock:
            found = self._experiments().get(dataset) or self._create_experiment(dataset)
            if found.lifecycle_stage == "deleted":
                self._client.restore_experiment(found.experiment_id)
            self._mend_location(found, dataset)
            for tag, value in {STUDY_TAG: self._study, DATASET_TAG: dataset, **tags}.items():
                if found.tags.get(tag) != value:
                    self._client.set_experiment_tag(found.experiment_id, tag, value)
        return found.experiment_id

    def other_experiments(self, datasets: Iterable[str]) -> dict[str, str]:
        """This study's experiments on other data sets than these: data set → id."""
        others = {name: found for name, found in self._experiments().items() if name not in set(datasets)}
        for dataset, experiment in others.items():
            self._mend_location(experiment, dataset)
        return {dataset: experiment.experiment_id for dataset, experiment in others.items()}

    def _experiments(self) -> dict[str, Any]:
        """The experiments of this study by data set, those included that were deleted in the page."""
        named = f"name LIKE '{PREFIX}%'"
        found = self._search(named) if self._owns_store else []
        found = [experiment for experiment in found if not self._is_of_a_guest(experiment)]
        found += self._search(f"tags.`{STUDY_TAG}` = '{self._study}'")
        return {e.tags.get(DATASET_TAG, e.name.removeprefix(PREFIX)): e for e in found}

    def _search(self, query: str) -> list[Any]:
        found, token = [], None
        while True:
            every = self._entities.ViewType.ALL
            page = self._client.search_experiments(view_type=every, filter_string=query, page_token=token)
            found += page
            if not (token := page.token):
                return found

    def _is_of_a_guest(self, experiment: Any) -> bool:
        """Whether another study made it, whose MLFLOW_TRACKING_URI is the database of this one."""
        owner = experiment.tags.get(STUDY_TAG, self._study)
        return owner != self._study and experiment.name.endswith(f"-{owner}")

    def _create_experiment(self, dataset: str) -> Any:
        name = experiment_name(dataset, None if self._owns_store else self._study)
        location = None if is_server(self.uri) else self._location(dataset)
        tags = {STUDY_TAG: self._study, DATASET_TAG: dataset}
        return self._client.get_experiment(self._client.create_experiment(name, location, tags))

    def _location(self, dataset: str) -> str:
        return (self._artifacts / dataset).as_uri()

    def _mend_location(self, experiment: Any, dataset: str) -> None:
        """Let the pictures of a study that was copied or moved lie in it, not where it was."""
        old, new = experiment.artifact_location, self._location(dataset)
        if is_database(self.uri) and old != new and old.startswith("file:"):
            move_artifacts(self.uri, experiment.experiment_id, old, new)

    def search_runs(
        self, experiment_id: str, tags: Mapping[str, str] | None = None, on_progress: Callable[[], None] | None = None
    ) -> dict[Key, Any]:
        """The experiment's runs that have a key: MLflow's own objects, with their latest metrics and their tags.

        `tags`: only runs with these; `on_progress` is called after each page of RUNS_PER_PAGE runs.
        """
        runs, token = {}, None
        query = " AND ".join(f"tags.{tag} = '{value}'" for tag, value in (tags or {}).items())
        while True:
            page = self._client.search_runs([experiment_id], query, max_results=RUNS_PER_PAGE, page_token=token)
            if on_progress:
                on_progress()
            for run in page:
                if set(Key._fields) <= set(run.data.tags):
                    runs[Key(*(run.data.tags[field] for field in Key._fields))] = run
            if not (token := page.token):
                return runs

    def create(self, experiment_id: str, spec: Spec, tags: dict[str, str]) -> str:
        """The id of a new run."""
        own = {"dataset": spec.dataset, "current": "true", **key_of(spec)._asdict()}
        run = self._client.create_run(experiment_id, tags={**own, **tags}, run_name=f"{spec.variant} seed {spec.seed}")
        return run.info.run_id

    def log_parameters(self, run_id: str, parameters: dict[str, str]) -> None:
        """Log parameters; those that are already there must have the same values."""
        entries = [self._entities.Param(name, value) for name, value in parameters.items()]
        self._client.log_batch(run_id, params=entries)

    def log(self, run_id: str, points: list[Point], tags: dict[str, str]) -> None:
        """Log points and tags; a point that is already there is not logged again."""
        metrics = [self._entities.Metric(p.name, p.value, timestamp(p.step), p.step) for p in points]
        while len(metrics) + len(tags) > MAX_BATCH_POINTS:
            self._client.log_batch(run_id, metrics=metrics[:MAX_BATCH_POINTS])
            del metrics[:MAX_BATCH_POINTS]
        named = [self._entities.RunTag(name, value) for name, value in tags.items()]
        self._client.log_batch(run_id, metrics=metrics, tags=named)

    def upload(self, run_id: str, folder: Path, name: str) -> None:
        """Upload the files of a folder, to the folder `name` of the run."""
        self._client.log_artifacts(run_id, str(folder), name)

    def set_status(self, run_id: str, status: str) -> None:
        """RUNNING, FINISHED, FAILED or KILLED, without an end time: files may be mirrored long after training."""
        self._client.update_run(run_id, status=status)

    def end(self, run_id: str, status: str) -> None:
        """As `set_status`, with the current time as the end of the run."""
        self._client.set_terminated(run_id, status)

    def delete(self, run_id: str) -> None:
        self._client.delete_run(run_id)


@contextmanager
def wrap_errors(uri: str) -> Iterator[None]:
    """Raise every error of MLflow, its database or its server as TrackingError, which names the URI without secrets.

    They are of many libraries, and more kinds than can be listed: a driver that is missing, an answer that is no JSON.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise TrackingError(one_line(uri, error)) from error


def now() -> float:
    """Seconds since the epoch, the clock of heartbeats."""
    return time.time()
