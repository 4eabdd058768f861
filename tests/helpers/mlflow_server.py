"""A server of MLflow that is started by hand, as a user would, and the requests that a test sends to it."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from mirrored import wait_for


@contextmanager
def mlflow_server(root: Path, *command: str) -> Iterator[str]:
    """The address of `mlflow COMMAND` in a folder: `ui`, or `server` with its options. It ends with this context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    line = [sys.executable, "-m", "mlflow", *command, "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(line, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}"), 90)
        yield f"http://127.0.0.1:{port}"
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(30)
        psutil.wait_procs(children, timeout=10)


def answers(address: str) -> bool:
    try:
        return request(address, "/health") == b"OK"
    except OSError:
        return False


def request(address: str, path: str, body: dict | None = None):
    """The answer to a GET, or to the POST of a body: from JSON below /api, else bytes."""
    data = json.dumps(body).encode() if body is not None else None
    query = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(query, timeout=20) as answer:
        content = answer.read()
    return json.loads(content) if path.startswith("/api") else content
