"""Whatever ails MLflow, or is killed, harms nothing that it mirrors."""

import copy
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import faults
import pytest
from digests import digests
from mirrored import child, current, history, mirror_made_up, points, rows_of, run_of, spec, wait_for
from toy_study import PROJECT, TINY_NETWORKS, TINY_TRAIN, WITHOUT_MLFLOW, write_prepared

from ganspeed.params.load import load_params
from ganspeed.tracking import timeouts
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.client import TrackingError
from ganspeed.tracking.live import LiveMirror
from ganspeed.tracking.mirror import MirrorSummary, mirror, mirror_safely
from ganspeed.workspace import Workspace


@pytest.mark.parametrize("dead", ["http://someone:secret@127.0.0.1:1", "sqlite:////dev/null/mlflow.db"])
def test_a_dead_store_costs_a_moment_and_one_line(study, params, monkeypatch, capfd, dead):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dead)
    begin = time.monotonic()
    mirror_safely(study, params)
    live = LiveMirror(study, params)
    live.started(spec(params, "gan", 0))
    for row in history(0):
        live.logged(spec(params, "gan", 0), row)
    live._thread.join(5)
    live.close()
    assert time.monotonic() - begin < 8
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning:")]
    assert [line.count(f"MLflow at {dead.replace('someone:secret', '***')}: ") for line in lines] == [1]
    with pytest.raises(TrackingError, match=re.escape(dead.split("@")[-1])):
        mirror(study, params)


FAULTS = ("down", "silent", "slow", "error 500", "locked", "corrupt")


@contextmanager
def fault(what: str, root: Path) -> Iterator[str]:
    """The address of an MLflow with this fault; a database is that of the study at `root`, and undamaged afterwards."""
    database = root / "mlflow.db"
    if what == "locked":
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("begin exclusive")
            yield f"sqlite:///{database}"
    elif what == "corrupt":
        content = database.read_bytes()
        database.write_bytes(bytes(5000) + content[5000:])
        yield f"sqlite:///{database}"
        database.write_bytes(content)
    else:
        with faulty_server(what) as address:
            yield address


@contextmanager
def faulty_server(what: str) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep({"slow": 1.5, "silent": 20}.get(what, 0))
            self.send_response(500 if what == "error 500" else 200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if what == "down":
        server.shutdown()
        server.server_close()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        if what != "down":
            server.shutdown()
            server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(("what", "trains"), [*((what, True) for what in FAULTS), ("slow", False), ("locked", False)])
def test_whatever_ails_mlflow_costs_a_stage_two_seconds_and_one_line(what, trains, study, params, monkeypatch, capfd):
    with fault(what, study.root) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        live = LiveMirror(study, params) if trains else None
        if live:
            live.started(spec(params, "gan", 0))
            for row in history(0):
                live.logged(spec(params, "gan", 0), row)
        begin = time.monotonic()
        if live:
            live.close()
        mirror_safely(study, params)
        mirror_safely(study, params)
        assert time.monotonic() - begin < timeouts.STAGE_TIMEOUT + 2  # these are for a busy machine
        lines = [line for line in capfd.readouterr().err.splitlines() if line]
        assert len(lines) == 1 and lines[0].startswith(f"warning: MLflow at {address}: ")
        assert "`ganspeed track` adds what is missing" in lines[0]


def prepared_toy(root: Path, shipped: dict) -> Workspace:
    """A study of one run of a few updates, ready to be trained."""
    document = copy.deepcopy(shipped)
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN
    document["compare"] |= {"variants": ["gan"], "seeds": [0]}
    return write_prepared(document, root)


@pytest.mark.slow
def test_training_has_the_same_bytes_whatever_ails_mlflow(shipped, tmp_path, monkeypatch, empty_database):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    toy, found = prepared_toy(tmp_path / "toy", shipped), {}
    for what in ("", "down", "error 500", "corrupt"):
        workspace = faults.copy(toy, tmp_path / f"study-{what}")
        shutil.copy(empty_database, workspace.root)
        with fault(what, workspace.root) if what else nullcontext(tracking_uri(workspace)) as address:
            done = faults.run(workspace, "train digits gan", mlflow=address)
        assert done.status == 0 and done.said.count("warning: MLflow at") == (1 if what else 0), done.said
        study = load_params(workspace.params)
        mirror(workspace, study)
        rows = points(workspace)
        assert mirror(workspace, study) == MirrorSummary(unchanged=1) and points(workspace) == rows
        found[what] = (digests(workspace.artifacts / "runs"), sorted(row[1:] for row in rows))
    assert len(found[""][1]) > 40
    assert all(result == found[""] for result in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["gone", "full"])
def test_training_goes_on_when_nobody_reads_its_progress(reader, shipped, tmp_path):
    """As under `2>&1 | tee log` when tee ends, or with a log on a full disk."""
    workspace = prepared_toy(tmp_path, shipped)
    environment = os.environ | {"PYTHONPATH": f"{WITHOUT_MLFLOW}:{PROJECT / 'src'}", "GANSPEED_DEVICE": "cpu"}
    command = [sys.executable, str(PROJECT / "pipeline" / "train.py"), "digits", "gan"]
    if reader == "gone":
        end, output = os.pipe()
        os.close(end)
    else:
        output = os.open("/dev/full", os.O_WRONLY)
    ended = subprocess.run(command, cwd=workspace.root, env=environment, stdout=output, stderr=output, check=False)
    os.close(output)
    assert ended.returncode == 0
    assert (workspace.run("digits", "gan", 0) / "run.json").exists()


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_not_running_for_ever(study, params, monkeypatch):
    mirror(study, params)
    process = child(study, "train_for_ever")
    try:
        beats = (
            "select status from runs join tags using (run_uuid) where key = 'ganspeed.heartbeat' and status = 'RUNNING'"
        )
        wait_for(lambda: rows_of(study, beats) == [("RUNNING",)], 60)
    finally:
        process.kill()
        process.wait()
    mirror(study, params)
    assert run_of(study, "gan", 0, version="2").info.status == "RUNNING"  # it may be alive still
    monkeypatch.setattr(sys.modules["ganspeed.tracking.mirror"], "HEARTBEAT_TIMEOUT", 0.0)
    mirror(study, params)
    assert run_of(study, "gan", 0, version="2").info.status == "KILLED"
    assert current(study) == ["gan-0-v1", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


@pytest.mark.slow
def test_eight_processes_on_a_fresh_database(study):
    """Without the lock they make its tables at once and break it for good."""
    (study.root / "mlflow.db").unlink()
    processes = [faults.forked(mirror_made_up, study) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 8
    assert rows_of(study, "select count(*) from runs") == [(4,)]
    assert rows_of(study, "select count(*) from experiments where name = 'ganspeed-digits'") == [(1,)]
