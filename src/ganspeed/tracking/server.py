"""MLflow's web interface on this machine, opened at the view of the study."""

import contextlib
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.tracking import client
from ganspeed.tracking.address import artifact_folder, hide_secrets, is_server, link_base, tracking_uri
from ganspeed.tracking.importing import ENVIRONMENT, bypass_proxies, installed
from ganspeed.tracking.mirror import experiment_of, mirror_safely
from ganspeed.tracking.view import RUNS, SAMPLES, SPEED, comparison_url, view_url
from ganspeed.workspace import Workspace

HOST = "127.0.0.1"
START_TIMEOUT = 90.0  # seconds
STOP_TIMEOUT = 5.0  # seconds in which the server may end its requests


def serve(workspace: Workspace, params: Params, port: int = 5000) -> None:
    """Bring MLflow up to date, serve its page to this machine only until interrupted, and print the links to the view.

    Uses a free port if `port` is in use or 0. If MLFLOW_TRACKING_URI is a running server, only prints the links to it.
    Raises TrackingError when MLflow is not installed, or its server does not start; UserError for a port that this
    user may not use.
    """
    if not installed():
        raise client.TrackingError("MLflow is not installed: run `pip install mlflow`, or open reports/index.html")
    uri = tracking_uri(workspace)
    port = 0 if is_server(uri) else _usable_port(port)
    with client.wrap_errors(uri):  # a store that cannot be opened: the server would try for START_TIMEOUT
        client.Client(workspace)
    workspace.run_cache.mkdir(parents=True, exist_ok=True)
    mirror_safely(workspace, params)
    if is_server(uri):
        _print_links(workspace, params, link_base(uri))
        return
    with _server(workspace, uri, port) as process:
        if not _wait_until_healthy(process, port):
            raise client.TrackingError(f"MLflow's server did not start on {HOST}:{port}; its log is {_log(workspace)}")
        _print_links(workspace, params, f"http://{HOST}:{port}")
        print("Press Ctrl-C to stop it.", flush=True)
        process.join()
        raise client.TrackingError(
            f"MLflow's server ended with status {process.exitcode}; its log is {_log(workspace)}"
        )


def _print_links(workspace: Workspace, params: Params, server: str) -> None:
    """The links to the views of each data set, and one that shows the experiments of DVC beside it."""
    with client.wrap_errors(tracking_uri(workspace)):
        store = client.Client(workspace)
        for dataset in params.compare.datasets:
            experiment_id, of_dvc = experiment_of(store, dataset, params), store.of_dvc(dataset)
            links = {}
            if store.sums_up(experiment_id):
                links["one row a variant"] = view_url(server, experiment_id, SPEED)
            links |= {
                "runs by variant": view_url(server, experiment_id, RUNS),
                "curves": view_url(server, experiment_id, RUNS, charts=True),
                "samples": view_url(server, experiment_id, SAMPLES, charts=True),
            }
            if of_dvc:
                links["with experiments of DVC"] = comparison_url(server, [experiment_id, *of_dvc.values()])
            start = f"{dataset}: "
            for what, link in links.items():
                print(f"{start}{link} ({what})", flush=True)
                start = " " * len(start)


@contextlib.contextmanager
def _server(workspace: Workspace, uri: str, port: int) -> Iterator[SpawnProcess]:
    """The server in its own process group, since it starts other processes; it ends with this context or process."""
    options = ["--artifacts-destination", artifact_folder(workspace).as_uri()]
    options += ["--host", HOST, "--port", str(port), "--workers", "1"]
    arguments = (options, uri, _log(workspace))
    process = multiprocessing.get_context("spawn").Process(target=_run_mlflow, args=arguments, name="mlflow server")
    interrupted = signal.signal(signal.SIGINT, signal.default_int_handler)  # until here it ends this process at once
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        process.start()
        yield process
    except KeyboardInterrupt:
        print("\nstopping MLflow's server", flush=True)  # which takes some seconds
    finally:
        signal.signal(signal.SIGTERM, previous)
        if process.pid is not None:  # else it was interrupted before it started
            _end(process)
        signal.signal(signal.SIGINT, interrupted)
        with contextlib.suppress(OSError):  # an error that MLflow logged may quote the address
            text = _log(workspace).read_text(encoding="utf-8", errors="replace")
            _log(workspace).write_text(hide_secrets(text, uri), encoding="utf-8")


def _end(process: SpawnProcess) -> None:
    """End the process and those that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.join(STOP_TIMEOUT)
    process.kill()  # if it had no process group of its own yet


def _run_mlflow(options: list[str], uri: str, log: Path) -> None:
    """Run `mlflow server` in this process, its output in a file; its address, which may hold a password, in no list of
    processes."""
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # Without jobs, which only language models need, the server uses a quarter of the memory.
    own = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    os.environ.update({**ENVIRONMENT, **os.environ, **own})
    bypass_proxies()
    sys.argv = ["mlflow", "server", *options]
    runpy.run_module("mlflow", run_name="__main__")


def _end_with_parent() -> None:
    """End this process group once the process that started it has ended, however it did."""
    multiprocessing.parent_process().join()
    os.killpg(0, signal.SIGKILL)


def _wait_until_healthy(process: SpawnProcess, port: int) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.is_alive():
        with contextlib.suppress(OSError), direct.open(f"http://{HOST}:{port}/health", timeout=2):
            return True
        time.sleep(0.2)
    return False


def _log(workspace: Workspace) -> Path:
    return workspace.run_cache / "mlflow.log"


def _usable_port(port: int) -> int:
    """The port, or a free one if it is in use or 0."""
    try:
        return _bind(port)
    except PermissionError:
        raise UserError(f"--port {port}: this user may not listen there; ports from 1024 on are open to all") from None
    except OSError:
        print(f"port {port} is in use, so MLflow gets another", file=sys.stderr, flush=True)
        return _bind(0)


def _bind(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return probe.getsockname()[1]
