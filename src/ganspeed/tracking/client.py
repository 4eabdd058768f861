"""The only importer of mlflow: where its store is, and the few calls that the mirror needs."""

import gc
import importlib.util
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from filelock import FileLock

from ganspeed.errors import UserError
from ganspeed.system.files import write_atomically
from ganspeed.workspace import Workspace

LOCK_SECONDS = 120.0
MAX_BATCH_POINTS = 1000  # points that one request may carry
PAGE = 200  # runs that one answer carries: it takes half a second
DATABASES = ("sqlite", "mysql", "postgresql", "mssql")  # what MLflow opens itself,
DATABASES_CODE = "mlflow.store.tracking.sqlalchemy_store"  # by this module
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # what goes wrong is raised as well, and said once
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # At MLflow's own settings a server that is down holds up one call for four minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


class TrackingError(UserError):
    """MLflow cannot be read or written."""


class Spec(Protocol):
    """What names a run, before and after it was trained; `parameters` holds the blocks data, train and variant."""

    dataset: str
    variant: str
    seed: int
    fingerprint: str
    parameters: dict[str, Any]


class Key(NamedTuple):
    """The key of a run within the experiment of its data set; as tags, MLflow finds the run by it."""

    variant: str
    seed: str
    fingerprint: str


class Point(NamedTuple):
    """A value of a curve; the step is an update of the generator."""

    name: str
    value: float
    step: int


def timestamp(step: int) -> int:
    """Milliseconds that stand for a step: by a clock, a point logged twice would be two points."""
    return 1000 * step


def key_of(spec: Spec) -> Key:
    return Key(spec.variant, str(spec.seed), spec.fingerprint)


def experiment_name(dataset: str) -> str:
    """The experiment of a data set; the prefix keeps it apart from others' experiments on a shared server."""
    return f"ganspeed-{dataset}"


def tracking_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or else a database in the root of the study."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.root.resolve() / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """Whether the URI is that of a running server, rather than of a database."""
    return uri.startswith(("http://", "https://"))


def artifact_folder(workspace: Workspace) -> Path:
    return workspace.root.resolve() / "mlartifacts"


def installed() -> bool:
    return importlib.util.find_spec("mlflow") is not None


def one_line(uri: str, error: Exception) -> str:
    """An error of MLflow in one line, without the password that a URI may carry."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return re.sub(r"//[^/@\s]+@", "//***@", f"MLflow at {uri}: {first:.300}")


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


@cache
def warn_not_installed() -> None:
    """Say that MLflow is not installed, once in a process."""
    warn("MLflow is not installed here: nothing is mirrored; where it is, `ganspeed track` catches up")


def create_database(workspace: Workspace) -> None:
    """Make the tables of a fresh database in the root of the study, whole or not at all; that takes some seconds.

    Made by two processes at once, or by one that is killed on the way, they would be broken for good. What opens a
    database is imported here, though there may be nothing to make: a second or more that counts as no one's waiting.
    """
    path, uri = workspace.root.resolve() / "mlflow.db", tracking_uri(workspace)
    client = _mlflow().MlflowClient
    if uri.startswith(DATABASES):
        with _uncollected():
            import_module(DATABASES_CODE)
    if uri == f"sqlite:///{path}" and not path.exists():
        with _lock(workspace):
            if not path.exists():
                write_atomically(path, lambda new: client(f"sqlite:///{new}").search_experiments(max_results=1))


def _lock(workspace: Workspace) -> FileLock:
    workspace.pool.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.pool / "mlflow.lock", timeout=LOCK_SECONDS)


class Client:
    """An open MLflow store. Raises what mlflow raises, and TimeoutError when another process keeps the lock.

    `lock` is held while something is looked up and created when it is not there, so that it is created once.
    """

    def __init__(self, workspace: Workspace):
        mlflow = _mlflow()
        self._entities = mlflow.entities
        self._artifacts = artifact_folder(workspace)
        self.uri = tracking_uri(workspace)
        create_database(workspace)
        self.lock = _lock(workspace)
        with self.lock:  # a database elsewhere may be fresh as well
            self._client = mlflow.MlflowClient(self.uri)
            self._client.search_experiments(max_results=1)

    def experiment(self, dataset: str, tags: dict[str, str]) -> str:
        """The id of the data set's experiment, which is made when there is none; its tags are brought up to date."""
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

    def runs(
        self, experiment_id: str, only: Mapping[str, str] | None = None, got_on: Callable[[], None] | None = None
    ) -> dict[Key, Any]:
        """The experiment's runs that bear a key: MLflow's own objects, with their latest metrics and their tags.

        `only`: those with these tags; `got_on` is called at each answer, of which there is one for every PAGE of runs.
        """
        runs, page = {}, None
        wanted = " AND ".join(f"tags.{tag} = '{value}'" for tag, value in (only or {}).items())
        while True:
            found = self._client.search_runs([experiment_id], wanted, max_results=PAGE, page_token=page)
            if got_on:
                got_on()
            for run in found:
                if set(Key._fields) <= set(run.data.tags):
                    runs[Key(*(run.data.tags[field] for field in Key._fields))] = run
            page = found.token
            if not page:
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
        """RUNNING, FINISHED, FAILED or KILLED, without a time: when files are mirrored says nothing of training."""
        self._client.update_run(run_id, status=status)

    def end(self, run_id: str, status: str) -> None:
        """As `set_status`, and now is when the run ended."""
        self._client.set_terminated(run_id, status)

    def delete(self, run_id: str) -> None:
        self._client.delete_run(run_id)


@contextmanager
def translated_errors(uri: str) -> Iterator[None]:
    """Turn an error of MLflow, its database or its server into a TrackingError that names the URI."""
    try:
        yield
    except (_mlflow().exceptions.MlflowException, OSError) as error:  # those of requests are OSErrors
        raise TrackingError(one_line(uri, error)) from error


def now() -> float:
    """Seconds since the epoch, the clock of heartbeats."""
    return time.time()


def _mlflow() -> ModuleType:
    """The module, imported with its settings in place: it costs a second, and not every machine has it."""
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _uncollected():
        import mlflow

    return mlflow


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage: what an import makes stays, and looking through it would take a quarter of the time."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
