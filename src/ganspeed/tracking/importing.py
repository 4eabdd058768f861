"""The only importer of mlflow, which takes seconds: what is set before, and what its databases need."""

import gc
import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from ganspeed.tracking.address import is_database

DATABASE_MODULE = "mlflow.store.tracking.sqlalchemy_store"  # with which MLflow opens databases
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # errors are raised as well, and printed once
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # With MLflow's defaults one call to a server that is down takes four minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")  # this machine, which no proxy can reach


def installed() -> bool:
    return importlib.util.find_spec("mlflow") is not None


def import_mlflow() -> ModuleType:
    """The module, imported here because that takes a second and it may not be installed; ENVIRONMENT is set first."""
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})
    bypass_proxies()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _gc_paused():
        import mlflow

    return mlflow


def import_backend(uri: str) -> None:
    """Import MLflow and what it opens this store with: it takes seconds, which no timeout should count."""
    import_mlflow()
    if is_database(uri):
        with _gc_paused():
            import_module(DATABASE_MODULE)


def bypass_proxies() -> None:
    """Let no library ask for this machine by way of a proxy that the environment names."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if given.strip() != "*":
        names = [name for name in given.split(",") if name.strip()]
        names += [name for name in LOOPBACK if name not in names]
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(names)


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
