"""The only importer of mlflow: the address of its store, and the calls that the mirror needs."""

import gc
import importlib.util
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from filelock import FileLock

from ganspeed.errors import UserError
from ganspeed.runs.locks import MLFLOW_LOCK
from ganspeed.system.files import write_atomically
from ganspeed.tracking.entities import Key, Point, Spec, experiment_name, key_of, timestamp
from ganspeed.tracking.messages import one_line
from ganspeed.workspace import Workspace

LOCK_TIMEOUT = 120.0  # seconds
MAX_BATCH_POINTS = 1000  # points that one request may carry
RUNS_PER_PAGE = 200  # runs in one answer of a search: it takes half a second
DATABASE_SCHEMES = ("sqlite", "mysql", "postgresql", "mssql")  # databases that MLflow opens itself,
DATABASE_MODULE = "mlflow.store.tracking.sqlalchemy_store"  # with this module
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # errors are raised as well, and printed once
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # With MLflow's defaults one call to a server that is down takes four minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


class TrackingError(UserError):
    """MLflow cannot be read or written."""


def tracking_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or else a database in the root of the study."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.root.resolve() / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """Whether the URI is that of a running server rather than of a database."""
    return uri.startswith(("http://", "https://"))


def artifact_folder(workspace: Workspace) -> Path:
    return workspace.root.resolve() / "mlartifacts"


def installed() -> bool:
    return importlib.util.find_spec("mlflow") is not None


def create_database(workspace: Workspace) -> None:
    """Create the tables of a new database in the root of the study, all or none of them; it takes some seconds.

    Without the lock and the atomic write, two processes at once, or one that is killed meanwhile, would leave a broken
    database. MLflow's database module is imported here even where the database exists: it takes a second or more, which
    no timeout should count.
    """
    path, uri = workspace.root.resolve() / "mlflow.db", tracking_uri(workspace)
    client = import_mlflow().MlflowClient
    if uri.startswith(DATABASE_SCHEMES):
        with _gc_paused():
            import_module(DATABASE_MODULE)
    if uri == f"sqlite:///{path}" and not path.exists():
        with _lock(workspace):
            if not path.exists():
                write_atomically(path, lambda new: client(f"sqlite:///{new}").search_experiments(max_results=1))


def _lock(workspace: Workspace) -> FileLock:
    workspace.run_cache.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.run_cache / MLFLOW_LOCK, timeout=LOCK_TIMEOUT)


class Client:
    """A client of the study's MLflow store. Raises what mlflow raises, and TimeoutError when the lock is not released.

    Hold `lock` while you look something up and create it if it does not exist, so that it is created once.
    """

    def __init__(self, workspace: Workspace):
        mlflow = import_mlflow()
        self._entities = mlflow.entities
        self._artifacts = artifact_folder(workspace)
        self.uri = tracking_uri(workspace)
        create_database(workspace)
        self.lock = _lock(workspace)
        with self.lock:  # a database elsewhere may be new as well
            self._client = mlflow.MlflowClient(self.uri)
            self._client.search_experiments(max_results=1)

    def experiment(self, dataset: str, tags: dict[str, str]) -> str:
        """The id of the data set's experiment, created if it does not exist; its tags are updated."""
        name = experiment_name(dataset)
        with self.lock:
            found = self._client.get_experiment_by_name(name)
            if found is None:
                location = None if is_server(self.uri) else (self._artifacts / dataset).as_uri()
                found = self._client.get_experiment(self._client.create_experiment(name, location))
            elif found.lifecycle_stage == "deleted":
                self._client.restore_experiment(found.experiment_id)
            for tag, value in tags.items():
                if found.tags.get(tag) != value:
                    self._client.set_experiment_tag(found.experiment_id, tag, value)
        return found.experiment_id

    def other_experiments(self, datasets: Iterable[str]) -> list[str]:
        """The ids of this project's experiments on other data sets than these."""
        names = {experiment_name(dataset) for dataset in datasets}
        found = self._client.search_experiments(filter_string=f"name LIKE '{experiment_name('%')}'")
        return [experiment.experiment_id for experiment in found if experiment.name not in names]

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

    def create(self, experiment_id: str, spec: Spec, parameters: dict[str, str], tags: dict[str, str]) -> str:
        """The id of a new run with its parameters."""
        own = {"dataset": spec.dataset, "current": "true", **key_of(spec)._asdict()}
        run = self._client.create_run(experiment_id, tags={**own, **tags}, run_name=f"{spec.variant} seed {spec.seed}")
        entries = [self._entities.Param(name, value) for name, value in parameters.items()]
        self._client.log_batch(run.info.run_id, params=entries)
        return run.info.run_id

    def log(self, run_id: str, points: list[Point], tags: dict[str, str]) -> None:
        """Log points and tags; a point that is already there is not logged again."""
        metrics = [self._entities.Metric(p.name, p.value, timestamp(p.step), p.step) for p in points]
        while len(metrics) + len(tags) > MAX_BATCH_POINTS:
            self._client.log_batch(run_id, metrics=metrics[:MAX_BATCH_POINTS])
            del metrics[:MAX_BATCH_POINTS]
        named = [self._entities.RunTag(name, value) for name, value in tags.items()]
        self._client.log_batch(run_id, metrics=metrics, tags=named)

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        self._client.log_artifact(run_id, str(file), folder)

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
    """Raise errors of MLflow, its database or its server as TrackingError, which names the URI."""
    try:
        yield
    except (import_mlflow().exceptions.MlflowException, OSError) as error:  # errors of requests are OSErrors
        raise TrackingError(one_line(uri, error)) from error


def now() -> float:
    """Seconds since the epoch, the clock of heartbeats."""
    return time.time()


def import_mlflow() -> ModuleType:
    """The module, imported here because that takes a second and it may not be installed; ENVIRONMENT is set first."""
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _gc_paused():
        import mlflow

    return mlflow


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Disable garbage collection during an import: there is nothing to free, and it takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
