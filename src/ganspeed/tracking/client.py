"""The calls of MLflow that the mirror needs, in the experiments of this study."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganspeed.errors import UserError
from ganspeed.tracking.address import is_database, project_of, tracking_uri
from ganspeed.tracking.database import create_database, mlflow_lock, statements_are_progress, try_connection
from ganspeed.tracking.entities import KIND_TAG, PARENT_TAG, RUN, VARIANT, Key, Point, Spec, key_of, timestamp
from ganspeed.tracking.experiments import Experiments, paged
from ganspeed.tracking.identity import study_id
from ganspeed.tracking.importing import import_backend, import_mlflow
from ganspeed.tracking.messages import one_line
from ganspeed.tracking.timeouts import OnProgress, no_progress
from ganspeed.workspace import Workspace

MAX_BATCH_POINTS = 1000  # points that one request may carry
RUNS_PER_PAGE = 200  # runs in one answer of a search: it takes half a second
SUMMARY_TAG = "ganspeed.summary"  # of what is no run of training, but sums up some: its key


class TrackingError(UserError):
    """MLflow cannot be read or written."""


class Client:
    """A client of the study's MLflow store. Raises what mlflow raises, and TimeoutError when the lock is not released.

    Hold `lock` while you look something up and create it if it does not exist, so that it is created once.
    """

    def __init__(self, workspace: Workspace, on_progress: OnProgress = no_progress):
        self.uri = tracking_uri(workspace)
        import_backend(self.uri)
        mlflow = import_mlflow()
        self._entities = mlflow.entities
        create_database(workspace, on_progress)
        if is_database(self.uri):
            try_connection(self.uri)
        self.lock = mlflow_lock(workspace)
        with self.lock, statements_are_progress(self.uri, on_progress):  # a database elsewhere may be new as well
            self._client = mlflow.MlflowClient(self.uri)
            self._client.search_experiments(max_results=1)
            self._experiments = Experiments(self._client, workspace, study_id(project_of(workspace)))

    def experiment(self, dataset: str, tags: dict[str, str], unless_set: Mapping[str, str] | None = None) -> str:
        """The id of the data set's experiment, created if it does not exist; its tags are updated.

        unless_set: tags of which one that is there already is left as it is.
        """
        with self.lock:
            return self._experiments.bring(dataset, tags, unless_set or {})

    def other_experiments(self, datasets: Iterable[str]) -> dict[str, str]:
        """This study's experiments on other data sets than these: data set → id."""
        return self._experiments.others(set(datasets))

    def of_dvc(self, dataset: str) -> dict[str, str]:
        """The experiments of DVC on a data set that MLflow shows: name → id."""
        return self._experiments.of_dvc(dataset)

    def search_runs(
        self, experiment_id: str, tags: Mapping[str, str] | None = None, on_progress: Callable[[], None] | None = None
    ) -> dict[Key, Any]:
        """The experiment's runs that have a key: MLflow's own objects, with their latest metrics and their tags.

        `tags`: only runs with these; `on_progress` is called after each page of RUNS_PER_PAGE runs.
        """
        query = " AND ".join(f"tags.{tag} = '{value}'" for tag, value in (tags or {}).items())
        runs = self._search_runs(experiment_id, query, on_progress or no_progress)
        whole = [run for run in runs if set(Key._fields) <= set(run.data.tags)]
        return {Key(*(run.data.tags[field] for field in Key._fields)): run for run in whole}

    def search_summaries(self, experiment_id: str) -> dict[str, Any]:
        """The experiment's runs that sum up others, by their key."""
        runs = self._search_runs(experiment_id, f"tags.`{SUMMARY_TAG}` != ''", no_progress)
        return {run.data.tags[SUMMARY_TAG]: run for run in runs}

    def sums_up(self, experiment_id: str) -> bool:
        """Whether there are runs that sum up the variants of now."""
        found = self.search_summaries(experiment_id).values()
        return any(run.data.tags.get(KIND_TAG) == VARIANT and run.data.tags.get("current") == "true" for run in found)

    def _search_runs(self, experiment_id: str, query: str, on_progress: OnProgress) -> Iterator[Any]:
        def page(token: str | None) -> Any:
            found = self._client.search_runs([experiment_id], query, max_results=RUNS_PER_PAGE, page_token=token)
            on_progress()
            return found

        return paged(page)

    def create(self, experiment_id: str, spec: Spec, tags: dict[str, str]) -> str:
        """The id of a new run."""
        own = {"dataset": spec.dataset, KIND_TAG: RUN, "current": "true", **key_of(spec)._asdict()}
        run = self._client.create_run(experiment_id, tags={**own, **tags}, run_name=f"{spec.variant} seed {spec.seed}")
        return run.info.run_id

    def create_summary(self, experiment_id: str, key: str, kind: str, name: str, start: int | None = None) -> str:
        """The id of a new run that sums up others; start: milliseconds since the epoch, which the page sorts by."""
        tags = {SUMMARY_TAG: key, KIND_TAG: kind}
        run_id = self._client.create_run(experiment_id, start, tags, name).info.run_id
        self.set_status(run_id, "FINISHED")
        return run_id

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

    def log_values(self, run_id: str, values: Mapping[str, float], known: Mapping[str, float]) -> bool:
        """Log numbers that belong to no step, but those that are known to be there; returns whether there were any.

        A value takes the place of an older one by its later time.
        """
        new = {n: v for n, v in values.items() if not math.isclose(v, known.get(n, math.nan), rel_tol=1e-9)}
        times = {name: int(1000 * now()) if name in known else timestamp(0) for name in new}
        metrics = [self._entities.Metric(name, value, times[name], 0) for name, value in new.items()]
        if metrics:
            self._client.log_batch(run_id, metrics=metrics)
        return bool(metrics)

    def set_parent(self, run_id: str, tags: Mapping[str, str], parent: str | None) -> bool:
        """Nest a run, which has these tags, under another one, or under none; returns whether it was not yet."""
        if tags.get(PARENT_TAG) == parent:
            return False
        if parent is None:
            self._client.delete_tag(run_id, PARENT_TAG)
        else:
            self._client.set_tag(run_id, PARENT_TAG, parent)
        return True

    def delete_tags(self, run_id: str, names: list[str]) -> None:
        for name in names:
            self._client.delete_tag(run_id, name)

    def upload(self, run_id: str, path: Path) -> None:
        """Upload a file, or the files and folders in a folder; those of the same name are replaced."""
        if path.is_dir():
            self._client.log_artifacts(run_id, str(path))
        else:
            self._client.log_artifact(run_id, str(path))

    def set_status(self, run_id: str, status: str) -> None:
        """RUNNING, FINISHED, FAILED or KILLED, without an end time.

        Runs are trained side by side, or mirrored later: a duration on the page would say nothing of a run.
        """
        self._client.update_run(run_id, status=status)

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
