"""MLflow's own database in the root of the study, and what is done to databases beside MLflow's client."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from ganspeed.runs.locks import MLFLOW_LOCK
from ganspeed.system.files import write_atomically
from ganspeed.tracking.address import is_database, is_own_database, own_database, project_of, sqlite_uri, tracking_uri
from ganspeed.tracking.importing import import_mlflow
from ganspeed.tracking.timeouts import OnProgress, no_progress
from ganspeed.workspace import Workspace

LOCK_TIMEOUT = 120.0  # seconds


def mlflow_lock(workspace: Workspace) -> FileLock:
    run_cache = project_of(workspace).run_cache
    run_cache.mkdir(parents=True, exist_ok=True)
    return FileLock(run_cache / MLFLOW_LOCK, timeout=LOCK_TIMEOUT)


def create_database(workspace: Workspace, on_progress: OnProgress = no_progress) -> None:
    """Create the tables of a new database in the root of the study, all or none of them; it takes some seconds.

    Without the lock and the atomic write, two processes at once, or one that is killed meanwhile, would leave a broken
    database. `on_progress` is called after each statement.
    """
    path = own_database(workspace)
    if path.exists() or not is_own_database(workspace, tracking_uri(workspace)):
        return
    with mlflow_lock(workspace):
        if path.exists():
            return
        for left in path.parent.glob(f".{path.name}.*"):  # by a process that was killed: we hold the lock
            left.unlink(missing_ok=True)
        with statements_are_progress(sqlite_uri(path), on_progress):
            write_atomically(path, _create_tables)


def _create_tables(path: Path) -> None:
    try_connection(sqlite_uri(path))
    import_mlflow().MlflowClient(sqlite_uri(path)).search_experiments(max_results=1)


def try_connection(uri: str) -> None:
    """Raise the error of a database that cannot be opened or read: MLflow would try again for two minutes."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(uri)
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").parent.is_dir():
        return  # MLflow makes it
    try:
        inspect(engine).get_table_names()
    finally:
        engine.dispose()


@contextmanager
def statements_are_progress(uri: str, on_progress: OnProgress) -> Iterator[None]:
    """Call `on_progress` after each statement that a database has executed within this context."""
    if not is_database(uri):
        yield
        return
    from sqlalchemy import Engine, event

    def executed(*arguments) -> None:
        on_progress()

    event.listen(Engine, "after_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", executed)


def move_artifacts(uri: str, experiment_id: str, old: str, new: str) -> None:
    """Let an experiment and its runs, whose pictures lay below the URI `old`, have them below `new`.

    MLflow writes both into its database when it creates them and has no call that changes them.
    """
    from sqlalchemy import create_engine, text

    engine = create_engine(uri)
    with engine.begin() as connection:
        key = {"id": int(experiment_id)}
        runs = connection.execute(text("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = :id"), key)
        moved = [
            {"run": run, "uri": new + place.removeprefix(old)} for run, place in runs if place.startswith(f"{old}/")
        ]
        location = text("UPDATE experiments SET artifact_location = :new WHERE experiment_id = :id")
        connection.execute(location, {"new": new, **key})
        if moved:
            connection.execute(text("UPDATE runs SET artifact_uri = :uri WHERE run_uuid = :run"), moved)
    engine.dispose()
