"""MLflow's web interface on this machine, opened at the view of the study."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ganspeed.params.blocks import Params
from ganspeed.tracking import client
from ganspeed.tracking.address import artifact_folder, is_server, tracking_uri
from ganspeed.tracking.importing import ENVIRONMENT, installed
from ganspeed.tracking.mirror import experiment_tags, mirror_safely
from ganspeed.tracking.view import view_url
from ganspeed.workspace import Workspace

HOST = "127.0.0.1"
START_TIMEOUT = 90.0  # seconds


def serve(workspace: Workspace, params: Params, port: int = 5000) -> None:
    """Bring MLflow up to date, serve its page to this machine only until interrupted, and print the links to the view.

    Uses a free port if `port` is in use. If MLFLOW_TRACKING_URI is a running server, only prints the links to it.
    Raises TrackingError when MLflow is not installed, or its server does not start.
    """
    if not installed():
        raise client.TrackingError("MLflow is not installed: run `pip install mlflow`, or open reports/index.html")
    workspace.run_cache.mkdir(parents=True, exist_ok=True)
    mirror_safely(workspace, params)
    uri = tracking_uri(workspace)
    if is_server(uri):
        _print_links(workspace, params, uri)
        return
    port = port if _is_free(port) else _free_port()
    with _server(workspace, uri, port) as process:
        if not _wait_until_healthy(process, port):
            raise client.TrackingError(f"MLflow's server did not start on {HOST}:{port}; its log is {_log(workspace)}")
        _print_links(workspace, params, f"http://{HOST}:{port}")
        print("Press Ctrl-C to stop it.", flush=True)
        raise client.TrackingError(f"MLflow's server ended with status {process.wait()}; its log is {_log(workspace)}")


def _print_links(workspace: Workspace, params: Params, server: str) -> None:
    with client.wrap_errors(tracking_uri(workspace)):
        store = client.Client(workspace)
        for dataset in params.compare.datasets:
            experiment_id = store.experiment(dataset, experiment_tags(dataset, params))
            print(f"{dataset}: {view_url(server, experiment_id)}")
            print(f"{' ' * len(dataset)}  {view_url(server, experiment_id, curves=True)} (curves)", flush=True)


@contextlib.contextmanager
def _server(workspace: Workspace, uri: str, port: int) -> Iterator[subprocess.Popen]:
    """The server in its own process group, since it starts other processes; it ends with this context."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--artifacts-destination", artifact_folder(workspace).as_uri()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # Without jobs, which only language models need, the server uses a quarter of the memory.
    environment = {**ENVIRONMENT, **os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with _log(workspace).open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield process
    except KeyboardInterrupt:
        print()
    finally:
        signal.signal(signal.SIGTERM, previous)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait_until_healthy(process: subprocess.Popen, port: int) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=2):
            return True
        time.sleep(0.2)
    return False


def _log(workspace: Workspace) -> Path:
    return workspace.run_cache / "mlflow.log"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((HOST, port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
