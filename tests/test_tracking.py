"""The MLflow mirror: it shows what the files hold, once, and never harms what it mirrors."""

import base64
import copy
import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path

import faults
import mlflow
import pytest
from ruamel.yaml import YAML
from test_execute import digests
from test_report_browser import CHROMIUM, FLAGS

from ganspeed import data, tracking
from ganspeed import params as params_module
from ganspeed.params import Params
from ganspeed.tracking import Live, TrackingError, mirror, mirror_safely, patience, tracking_uri, view_url
from ganspeed.tracking import live as live_module
from ganspeed.tracking import store as store_module
from ganspeed.tracking.mirror import experiment_tags
from ganspeed.tracking.recorded import flat_parameters, row_points
from ganspeed.tracking.store import Store
from ganspeed.tracking.view import VIEW_TAG, view_state
from ganspeed.workspace import Workspace

UPDATES = 40
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Spec:
    dataset: str
    variant: str
    seed: int
    fingerprint: str
    parameters: dict


def make_params(datasets=("digits",), variants=("gan", "wgan_gp"), seeds=(0, 1), samples=500, split="test") -> Params:
    adam = {"name": "adam", "lr_g": 1e-3, "lr_d": 1e-3, "half_life": 0, "betas": [0.0, 0.9]}
    wgan_gp = {"objective": "wgan_gp", "n_critic": 5, "lambda_gp": 10.0, "optimizer": adam}
    train = {
        "updates": UPDATES,
        "batch_size": 8,
        "z_dim": 4,
        "width": 4,
        "hidden": 0,
        "ema_decay": 0.0,
        "precision": "float32",
    }
    train |= {"log_every": 10, "checkpoint_every": 20, "grid_ratio": 1.5, "sample_grids": 2}
    features = {
        "dim": 8,
        "width": 8,
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "min_accuracy": 0.5,
        "seed": 0,
        "second_seed": 1,
    }
    dataset = {
        "data": {"source": "digits", "image_size": 8, "holdout": 497, "split_seed": 0},
        "train": train,
        "features": features,
        "evaluate": {"samples": samples},
        "threshold": {"tau25": 3.0, "tau": 2.0, "tau75": 1.0, "tau_second": 2.0},
    }
    document = {
        "compare": {"datasets": list(datasets), "variants": list(variants), "seeds": list(seeds)},
        "datasets": {"digits": dataset, "more": dataset},
        "variants": {
            "gan": {"objective": "gan", "n_critic": 1, "saturating": False, "optimizer": adam},
            "wgan_gp": wgan_gp,
            **{name: wgan_gp for name in variants if name.startswith("wgan_gp")},
        },
        "evaluate": {
            "split": split, "seed": 0, "full_snapshots": 1, "neighbours": 5, "manifold_samples": 100,
            "kid_subsets": 5, "kid_subset_size": 100, "mode_min_count": 10, "confidence": 0.9,
            "sliced_projections": 8, "transport_samples": 100,
        },
        "protocol": {
            "axis": "updates", "consecutive": 3, "references": ["wgan_gp"], "planned": [], "margin": 1.25,
            "max_coverage_drop": 0.02, "max_extra_failures": 1, "equivalence": [0.8, 1.25],
            "timing": {"repeats": 0, "updates": 50},
        },
        "pilot": {"variant": "wgan_gp", "seeds": [800], "length": 3},
        "tuning": {"trials": 1, "seeds": [900], "updates": 12, "seed": 0, "shared": {}, "arms": {}},
        "report": {
            "title": "Which one?", "sample_columns": 2, "dpi": 100, "tail": 0.25,
            "stopping": {"skip": 5, "smooth": 5, "patience": 10, "min_delta": 0.01},
            "flags": {"gap": 1e5, "penalty_weight": 1e3, "modes": 0.5},
        },
    }  # fmt: skip
    return params_module.parse(document)


def spec(params: Params, variant: str, seed: int, version: str = "1") -> Spec:
    block = params.datasets["digits"]
    parameters = {
        "data": block.data.model_dump(mode="json"),
        "train": block.train.model_dump(mode="json"),
        "variant": params.variants[variant].model_dump(mode="json"),
    }
    return Spec("digits", variant, seed, f"{variant}-{seed}-v{version}", parameters)


def history(seed: int) -> list[dict[str, float]]:
    return [
        {"update": float(u), "d_updates": 5.0 * u, "d_loss": 1 / (u + seed), "diagnostics/rho": 0.1 * seed + 0.3}
        for u in range(10, UPDATES + 1, 10)
    ]


def write_run(workspace: Workspace, run: Spec, rows: list[dict[str, float]] | None = None, diverged_at=None) -> None:
    """The files of the stage `train`, as the output contract has them."""
    folder = workspace.run(run.dataset, run.variant, run.seed)
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    outcome = {"status": "diverged" if diverged_at else "completed", "diverged_at": diverged_at}
    machine = {"device": "cpu avx2", "precision": "float32", "engine": "eager", "versions": {"torch": "2.15.0"}}
    content = {**run.__dict__, **outcome, **machine, "files": {}}
    (folder / "run.json").write_text(json.dumps(content))
    rows = history(run.seed) if rows is None else rows
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**row, "update": int(row["update"])} for row in rows)
    (folder / "samples" / "0000040.png").write_bytes(PIXEL)
    (folder / "samples.gif").write_bytes(b"GIF89a")
    provenance = workspace.provenance(run.dataset, run.variant, run.seed)
    provenance.parent.mkdir(parents=True, exist_ok=True)
    provenance.write_text(json.dumps({"commit": "c0ffee", "dirty": False, "host": "h", "start": "s", "resumes": 0}))


def write_scores(workspace: Workspace, run: Spec, last: float = 2.5) -> None:
    path = workspace.scores(run.dataset, run.variant, run.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"digits,{run.variant},{run.seed},{u},cfid,{v}" for u, v in [(0, 90.0), (20, 30.0), (UPDATES, last)]]
    path.write_text("\n".join(["dataset,variant,seed,update,metric,value", *lines]) + "\n")


def write_study(workspace: Workspace, params: Params) -> None:
    for variant in params.compare.variants:
        for seed in params.compare.seeds:
            write_run(workspace, spec(params, variant, seed))
            write_scores(workspace, spec(params, variant, seed))


def rows_of(workspace: Workspace, query: str) -> list[tuple]:
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as database:
        return database.execute(query).fetchall()


def points(workspace: Workspace) -> list[tuple]:
    return sorted(rows_of(workspace, "select run_uuid, key, step, timestamp, value from metrics"))


def run_of(workspace: Workspace, variant: str, seed: int, version: str = "1") -> mlflow.entities.Run:
    """The one active run under a key."""
    client = mlflow.MlflowClient(tracking_uri(workspace))
    (experiment,) = [e for e in client.search_experiments() if e.name == tracking.experiment_name("digits")]
    (run,) = client.search_runs([experiment.experiment_id], f"tags.fingerprint = '{variant}-{seed}-v{version}'")
    return run


def current(workspace: Workspace) -> list[str]:
    query = (
        "select f.value from tags f join tags c using (run_uuid) join runs using (run_uuid) where lifecycle_stage = "
    )
    query += "'active' and f.key = 'fingerprint' and c.key = 'current' and c.value = 'true'"
    return sorted(chain.from_iterable(rows_of(workspace, query)))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: that takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        workspace = Workspace(tmp_path_factory.mktemp("empty"))
        Store(workspace)
    return workspace.root / "mlflow.db"


@pytest.fixture
def workspace(tmp_path, monkeypatch, empty_database):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(live_module, "FLUSH_SECONDS", 0.2)
    shutil.copy(empty_database, tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def params():
    return make_params()


@pytest.fixture
def study(workspace, params):
    """A workspace with a finished study of 2 variants × 2 seeds."""
    write_study(workspace, params)
    return workspace


def test_a_second_mirror_adds_no_run_and_doubles_no_point(study, params):
    assert mirror(study, params).added == 4
    before, runs = points(study), rows_of(study, "select count(*) from runs")
    assert mirror(study, params) == tracking.Summary(unchanged=4)
    assert points(study) == before
    assert rows_of(study, "select count(*) from runs") == runs


def test_the_same_points_again_are_no_new_points(study, params):
    """Also where the tag that lets a finished run be skipped is lost."""
    mirror(study, params)
    before = points(study)
    with closing(sqlite3.connect(study.root / "mlflow.db")) as database:
        database.execute("delete from tags where key = 'ganspeed.mirrored'")
        database.commit()
    assert mirror(study, params).updated == 4
    assert points(study) == before


def test_what_mlflow_shows_is_what_the_files_hold(study, params):
    mirror(study, params)
    run = run_of(study, "wgan_gp", 1)
    assert (run.info.run_name, run.info.status) == ("wgan_gp seed 1", "FINISHED")
    parameters = {"variant.lambda_gp": "10.0", "variant.optimizer.betas": "[0.0, 0.9]", "train.updates": "40"}
    assert parameters.items() <= run.data.params.items()
    tags = {
        "dataset": "digits",
        "variant": "wgan_gp",
        "seed": "1",
        "fingerprint": "wgan_gp-1-v1",
        "status": "completed",
    }
    tags |= {"git_commit": "c0ffee", "device": "cpu avx2", "version.torch": "2.15.0", "current": "true"}
    assert tags.items() <= run.data.tags.items()
    client = mlflow.MlflowClient(tracking_uri(study))
    curve = client.get_metric_history(run.info.run_id, "d_loss")
    assert [(p.step, p.value) for p in curve] == [(int(r["update"]), r["d_loss"]) for r in history(1)]
    curve = client.get_metric_history(run.info.run_id, "test/cfid")
    assert [(p.step, p.value) for p in curve] == [(0, 90.0), (20, 30.0), (40, 2.5)]
    assert run.data.metrics["final/cfid"] == 2.5
    pictures = {file.path for file in client.list_artifacts(run.info.run_id, "samples")}
    assert pictures == {"samples/0000040.png", "samples/samples.gif"}
    copy = Path(run.info.artifact_uri.removeprefix("file://")) / "samples" / "0000040.png"
    assert copy.is_relative_to(study.root / "mlartifacts")
    assert copy.read_bytes() == PIXEL


def test_descriptions_name_the_source_the_data_and_the_limits(study, params):
    mirror(study, params)
    note = run_of(study, "wgan_gp", 1).data.tags["mlflow.note.content"]
    assert "1704.00028" in note
    assert "lambda_gp 10.0" in note
    assert "holdout 497" in note
    assert "not FID" in note
    ((overview,),) = rows_of(study, "select value from experiment_tags where key = 'mlflow.note.content'")
    assert "1406.2661" in overview
    assert "500\ngenerated images" in overview or "500 generated images" in overview


def test_train_may_mirror_before_evaluate(study, params):
    scores = study.scores("digits", "gan", 0)
    text = scores.read_text()
    scores.unlink()
    study.provenance("digits", "gan", 0).unlink()
    assert mirror(study, params, "digits", "gan").added == 2
    assert "final/cfid" not in run_of(study, "gan", 0).data.metrics
    scores.write_text(text)
    assert mirror(study, params, "digits", "gan") == tracking.Summary(updated=1, unchanged=1)
    assert run_of(study, "gan", 0).data.metrics["final/cfid"] == 2.5


def test_new_scores_replace_the_old_ones(study, params):
    mirror(study, params)
    write_scores(study, spec(params, "gan", 0), last=7.0)
    assert mirror(study, params) == tracking.Summary(rebuilt=1, unchanged=3)
    run = run_of(study, "gan", 0)
    curve = mlflow.MlflowClient(tracking_uri(study)).get_metric_history(run.info.run_id, "test/cfid")
    assert [p.value for p in curve] == [90.0, 30.0, 7.0]


def test_a_removed_variant_and_seed_leave_the_view_and_come_back(study, params):
    mirror(study, params)
    mirror(study, make_params(variants=["wgan_gp"], seeds=[0]))
    assert current(study) == ["wgan_gp-0-v1"]
    mirror(study, params)
    assert current(study) == ["gan-0-v1", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


def test_a_removed_data_set_leaves_the_view(study, params):
    mirror(study, params)
    mirror(study, make_params(datasets=["more"]))
    assert current(study) == []


def test_an_edited_run_takes_the_place_of_the_old_one(study, params):
    mirror(study, params)
    write_run(study, spec(params, "gan", 0, version="2"))
    assert mirror(study, params, "digits", "gan").added == 1
    assert current(study) == ["gan-0-v2", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


def test_a_fresh_database_is_filled_again(study, params, tmp_path):
    """As in a clone whose files came out of DVC's cache."""
    mirror(study, params)
    clone = Workspace(tmp_path / "clone")
    shutil.copytree(study.artifacts, clone.artifacts)
    assert mirror(clone, params).added == 4
    assert sorted(row[1:] for row in points(clone)) == sorted(row[1:] for row in points(study))


def test_an_experiment_that_was_deleted_by_hand_comes_back(study, params):
    mirror(study, params)
    client = mlflow.MlflowClient(tracking_uri(study))
    client.delete_experiment(run_of(study, "gan", 0).info.experiment_id)
    mirror(study, params)
    assert run_of(study, "gan", 0).info.status == "FINISHED"


def test_a_diverged_run_has_failed_and_nothing_infinite_is_stored(workspace, params):
    rows = history(0)
    rows[-1] |= {"d_loss": float("inf"), "diagnostics/rho": float("nan")}
    write_run(workspace, spec(params, "gan", 0), rows, diverged_at=38)
    write_scores(workspace, spec(params, "gan", 0), last=float("nan"))
    mirror(workspace, params)
    run = run_of(workspace, "gan", 0)
    assert (run.info.status, run.data.tags["status"]) == ("FAILED", "diverged")
    assert "Diverged at update 38" in run.data.tags["mlflow.note.content"]
    stored = [(key, step) for _, key, step, _, _ in points(workspace)]
    assert max(abs(value) for *_, value in points(workspace)) < 1e3
    assert ("d_loss", 30) in stored
    assert not {("d_loss", 40), ("diagnostics/rho", 40), ("test/cfid", 40), ("final/cfid", 40)} & set(stored)


def test_row_points_leave_out_what_is_not_finite_and_multiples_of_the_update():
    counts = {"update": 10.0, "d_updates": 50.0, "images_seen": 3200.0}
    row = counts | {"d_loss": float("inf"), "g_loss": float("-inf"), "gap": float("nan"), "alpha": -0.5}
    assert row_points(row, {"updates": 40, "log_every": 10}) == [("alpha", -0.5, 10)]


def test_of_a_long_history_some_forty_rows_are_shown_with_the_first_and_the_last():
    train = {"updates": 1234, "log_every": 5}
    logged = [u for u in range(1, 1235) if u % 5 == 0 or u in (1, 1234)]
    shown = [p.step for u in logged for p in row_points({"update": u, "gap": 0.5}, train)]
    assert shown == [1, *range(35, 1234, 35), 1234]


def test_parameters_are_the_same_text_from_python_and_from_json():
    parameters = {"variant": {"optimizer": {"betas": (0.5, 0.999), "lr_g": 2e-4}, "clip": 0.01, "saturating": False}}
    flat = flat_parameters(parameters)
    assert flat == flat_parameters(json.loads(json.dumps(parameters)))
    assert flat["variant.optimizer.betas"] == "[0.5, 0.999]"


def watch(workspace: Workspace, params: Params, runs: list[Spec], first=0, last=4) -> None:
    """A training of which rows first to last are logged, to the end of the run when `last` is its last."""
    live = Live(workspace, params)
    for run in runs:
        live.started(run)
        for row in history(run.seed)[first:last]:
            live.logged(run, row)
        if last == 4:
            live.finished(run)
    wait_for(lambda: live._queue.empty())  # as it is during training, which takes longer than this
    live.close()
    live._thread.join(20)


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened for too long"
        time.sleep(0.05)


def test_live_points_are_those_that_the_mirror_logs(workspace, params):
    runs = [spec(params, "gan", seed) for seed in params.compare.seeds]
    watch(workspace, params, runs)
    seen = points(workspace)
    assert len(seen) == 2 * 4 * 2  # runs, rows, values
    assert run_of(workspace, "gan", 0).info.status == "FINISHED"
    for run in runs:
        write_run(workspace, run)
    assert mirror(workspace, params, "digits", "gan") == tracking.Summary(updated=2)
    assert points(workspace) == seen
    assert run_of(workspace, "gan", 0).data.tags["status"] == "completed"


def test_a_killed_run_is_shown_as_killed_and_goes_on_under_its_key(workspace, params):
    run = spec(params, "gan", 0)
    watch(workspace, params, [run], last=2)
    assert run_of(workspace, "gan", 0).info.status == "KILLED"
    watch(workspace, params, [run])
    write_run(workspace, run)
    mirror(workspace, params)
    assert run_of(workspace, "gan", 0).info.status == "FINISHED"
    assert len(points(workspace)) == 4 * 2


def test_a_mirrored_run_that_was_trained_again_and_killed_is_finished_all_the_same(study, params):
    mirror(study, params)
    before = points(study)
    watch(study, params, [spec(params, "gan", 0)], last=2)
    assert run_of(study, "gan", 0).info.status == "KILLED"
    mirror(study, params)
    assert run_of(study, "gan", 0).info.status == "FINISHED"
    assert points(study) == before


def test_rows_that_were_lost_between_two_attempts_are_filled(workspace, params):
    run = spec(params, "gan", 0)
    watch(workspace, params, [run], last=1)
    watch(workspace, params, [run], first=2)
    write_run(workspace, run)
    mirror(workspace, params)
    assert {(key, step) for _, key, step, _, _ in points(workspace) if key == "d_loss"} == {
        ("d_loss", step) for step in (10, 20, 30, 40)
    }


def test_a_live_run_takes_the_place_of_the_one_that_it_replaces(study, params):
    mirror(study, params)
    live = Live(study, params)
    live.started(spec(params, "gan", 0, version="2"))
    wait_for(lambda: "gan-0-v2" in current(study) and "gan-0-v1" not in current(study))
    mirror(study, params)  # as `ganspeed ui` does while training goes on
    assert "gan-0-v2" in current(study)
    live.close()


def test_nothing_of_mlflow_is_under_way_while_the_workers_are_started(study, params):
    """It changes the environment as it is imported; a process started meanwhile may die of that, without a word."""
    before = set(threading.enumerate())
    live = Live(study, params)
    assert set(threading.enumerate()) == before
    live.close()
    assert set(threading.enumerate()) == before


def test_a_run_whose_process_died_leaves_the_view(study, params):
    mirror(study, params)
    watch(study, params, [spec(params, "gan", 0, version="2")], last=1)
    with closing(sqlite3.connect(study.root / "mlflow.db")) as database:
        database.execute("update runs set status = 'RUNNING' where run_uuid in (select run_uuid from tags where "
                         "key = 'fingerprint' and value = 'gan-0-v2')")  # fmt: skip
        database.execute("update tags set value = '1.0' where key = 'ganspeed.heartbeat'")
        database.commit()
    mirror(study, params)
    assert current(study) == ["gan-0-v1", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]
    assert run_of(study, "gan", 0, version="2").info.status == "KILLED"


def test_a_stage_leaves_runs_in_training_of_other_variants_alone(workspace, params):
    """Runs that were trained ahead are shown before their own stage has collected them."""
    watch(workspace, params, [spec(params, "wgan_gp", 0)])
    write_run(workspace, spec(params, "gan", 0))
    mirror(workspace, params, "digits", "gan")
    assert current(workspace) == ["gan-0-v1", "wgan_gp-0-v1"]


@pytest.mark.parametrize("dead", ["http://someone:secret@127.0.0.1:1", "sqlite:////dev/null/mlflow.db"])
def test_a_dead_store_costs_a_moment_and_one_line(study, params, monkeypatch, capfd, dead):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dead)
    begin = time.monotonic()
    mirror_safely(study, params)
    live = Live(study, params)
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
    """The address of an MLflow with this fault; a database is that of the study at `root`, and whole afterwards."""
    database = root / "mlflow.db"
    if what == "locked":
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("begin exclusive")
            yield f"sqlite:///{database}"
    elif what == "corrupt":
        whole = database.read_bytes()
        database.write_bytes(bytes(5000) + whole[5000:])
        yield f"sqlite:///{database}"
        database.write_bytes(whole)
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
        live = Live(study, params) if trains else None
        if live:
            live.started(spec(params, "gan", 0))
            for row in history(0):
                live.logged(spec(params, "gan", 0), row)
        begin = time.monotonic()
        if live:
            live.close()
        mirror_safely(study, params)
        mirror_safely(study, params)
        assert time.monotonic() - begin < patience.STAGE_SECONDS + 2  # these are for a busy machine
        lines = [line for line in capfd.readouterr().err.splitlines() if line]
        assert len(lines) == 1 and lines[0].startswith(f"warning: MLflow at {address}: ")
        assert "`ganspeed track` catches up" in lines[0]


def prepared_toy(root: Path, shipped: dict) -> Workspace:
    """A study of one run of a few updates, ready to be trained."""
    document = copy.deepcopy(shipped)
    small = {"updates": 12, "batch_size": 8, "z_dim": 4, "width": 4, "log_every": 4}
    document["datasets"]["digits"]["train"] |= small
    document["compare"] |= {"variants": ["gan"], "seeds": [0]}
    root.mkdir()
    with (root / "params.yaml").open("w") as file:
        YAML().dump(document, file)
    workspace = Workspace(root)
    data.prepare("digits", params_module.parse(document).datasets["digits"].data, root, workspace.prepared("digits"))
    return workspace


@pytest.mark.slow
def test_training_ends_in_the_same_bytes_whatever_ails_mlflow_and_a_sync_fills_in_once(
    shipped, tmp_path, monkeypatch, empty_database
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    command = [sys.executable, str(Path(__file__).parents[1] / "pipeline" / "train.py"), "digits", "gan"]
    found = {}
    for what in ("", "down", "error 500", "corrupt"):
        workspace = prepared_toy(tmp_path / f"study-{what}", shipped)
        shutil.copy(empty_database, workspace.root)
        with fault(what, workspace.root) if what else nullcontext(tracking_uri(workspace)) as address:
            environment = os.environ | {"MLFLOW_TRACKING_URI": address, "GANSPEED_DEVICE": "cpu"}
            done = subprocess.run(
                command, cwd=workspace.root, env=environment, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0 and done.stderr.count("warning: MLflow at") == (1 if what else 0), done.stderr
        study = params_module.load(workspace.params)
        mirror(workspace, study)
        rows = points(workspace)
        assert mirror(workspace, study) == tracking.Summary(unchanged=1) and points(workspace) == rows
        found[what] = (digests(workspace.artifacts / "runs"), sorted(row[1:] for row in rows))
    assert len(found[""][1]) > 40
    assert all(result == found[""] for result in found.values())


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
    monkeypatch.setattr(sys.modules["ganspeed.tracking.mirror"], "ALIVE_SECONDS", 0.0)
    mirror(study, params)
    assert run_of(study, "gan", 0, version="2").info.status == "KILLED"
    assert current(study) == ["gan-0-v1", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


def test_a_database_that_was_not_made_whole_is_none(tmp_path, monkeypatch):
    """One that is killed while it makes the tables must not leave some of them behind."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def killed(uri):
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"some of the tables")
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow, "MlflowClient", killed)
    with pytest.raises(KeyboardInterrupt):
        store_module.make_database(Workspace(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".runs"]


def test_a_broken_file_does_not_fail_the_stage(study, params, capfd):
    (study.run("digits", "gan", 0) / "history.csv").write_text("update,d_loss\n10,abc\n")
    mirror_safely(study, params)
    assert "warning: MLflow at sqlite:///" in capfd.readouterr().err


def test_without_mlflow_nothing_happens_and_it_is_said(study, params, monkeypatch, capfd):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else find_spec(name))
    assert mirror(study, params) == tracking.Summary()
    live = Live(study, params)
    live.started(spec(params, "gan", 0))
    live.close()
    assert capfd.readouterr().err.count("MLflow is not installed") == 1
    assert points(study) == []
    with pytest.raises(TrackingError, match="MLflow is not installed"):
        tracking.serve(study, params)


def test_descriptions_and_view_fit_the_tags_of_mlflow():
    """A tag of an experiment holds 5000 characters."""
    params = make_params(variants=[f"wgan_gp_{i:02}" for i in range(12)], seeds=range(100, 112))
    assert {name: len(text) for name, text in experiment_tags("digits", params).items() if len(text) > 4500} == {}


def test_importing_the_mirror_does_not_import_mlflow():
    code = "import sys, ganspeed.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_view_shows_current_runs_by_variant_with_the_scores():
    state = json.loads(view_state(("gan", "wgan_gp"), "val"))
    assert state["searchFilter"] == "tags.current = 'true'"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "variant"}]
    assert "metrics.`final/cfid`" in state["selectedColumns"]
    charts = {chart["metricKey"]: chart["scaleType"] for chart in state["compareRunCharts"]}
    assert charts == {"val/cfid": "log", "d_loss": "linear", "g_loss": "linear"}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} < {
        s["uuid"] for s in state["compareRunSections"]
    }
    assert state["groupsExpanded"] == {"tag.variant.gan": False, "tag.variant.wgan_gp": False}


def test_the_link_names_the_view_and_the_kind_of_page():
    assert view_url("http://127.0.0.1:5000/", "7") == (
        "http://127.0.0.1:5000/?workflowType=machine_learning"
        "#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=ganspeed"
    )
    assert view_url("http://h", "7", curves=True).endswith("&compareRunsMode=CHART")


def train_for_ever(workspace: Workspace, params: Params) -> None:
    """A training that never comes to its end; for a process that is killed."""
    run = spec(params, "gan", 0, version="2")
    live = Live(workspace, params)
    live.started(run)
    live.logged(run, history(0)[0])
    time.sleep(600)


CHILD = """
import sys, pathlib
sys.path[:0] = {path!r}
from test_tracking import make_params, train_for_ever
from ganspeed.tracking import mirror, serve
from ganspeed.workspace import Workspace
{call}(Workspace(pathlib.Path({root!r})), make_params(){rest})
"""


def child(workspace: Workspace, call: str, rest: str = "", **options) -> subprocess.Popen:
    path = [str(Path(__file__).parent), *sys.path]
    code = CHILD.format(path=path, call=call, root=str(workspace.root), rest=rest)
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **options)


def mirror_made_up(workspace: Workspace) -> None:
    mirror(workspace, make_params())


@pytest.mark.slow
def test_eight_processes_on_a_fresh_database(study):
    """Without the lock they make its tables at once and break it for good."""
    (study.root / "mlflow.db").unlink()
    processes = [faults.CONTEXT.Process(target=mirror_made_up, args=(study,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 8
    assert rows_of(study, "select count(*) from runs") == [(4,)]
    assert rows_of(study, "select count(*) from experiments where name = 'ganspeed-digits'") == [(1,)]


@pytest.fixture
def server(study):
    """The address that `serve` prints, and its process, while its usual port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = child(study, "serve", f", port={taken.getsockname()[1]}", stdout=subprocess.PIPE, text=True)
        try:
            link = process.stdout.readline()
            assert link.startswith("digits: http://127.0.0.1:"), link
            yield link.removeprefix("digits: ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def request(address: str, path: str, body: dict | None = None):
    data = json.dumps(body).encode() if body is not None else None
    query = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(query, timeout=20) as answer:
        content = answer.read()
    return json.loads(content) if path.startswith("/api") else content


@pytest.mark.slow
def test_the_page_is_served_to_this_machine_alone_with_runs_view_and_pictures(server, study):
    address, experiment = re.match(r"(http://127\.0\.0\.1:\d+)/.*/experiments/(\d+)/", server).groups()
    port = int(address.rsplit(":", 1)[1])
    found = request(address, f"/api/2.0/mlflow/experiments/get?experiment_id={experiment}")["experiment"]
    assert VIEW_TAG in {tag["key"] for tag in found["tags"]}
    body = {"experiment_ids": [experiment], "filter": "tags.current = 'true'"}
    runs = request(address, "/api/2.0/mlflow/runs/search", body)["runs"]
    assert sorted(run["info"]["run_name"] for run in runs) == [
        "gan seed 0",
        "gan seed 1",
        "wgan_gp seed 0",
        "wgan_gp seed 1",
    ]
    finals = [m["value"] for run in runs for m in run["data"]["metrics"] if m["key"] == "final/cfid"]
    assert finals == [2.5] * 4
    run_id = runs[0]["info"]["run_id"]
    assert request(address, f"/get-artifact?path=samples/0000040.png&run_uuid={run_id}") == PIXEL
    hexadecimal = f"{port:04X}"
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    assert [entry for entry in listening if entry.endswith(f":{hexadecimal}")] == [f"0100007F:{hexadecimal}"]
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{hexadecimal} " not in six.read_text()


@pytest.mark.slow
def test_a_running_server_is_mirrored_to_through_its_address(server, study, monkeypatch, capsys):
    address = re.match(r"http://127\.0\.0\.1:\d+", server)[0]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    before = points(study)
    assert mirror(study, make_params()) == tracking.Summary(unchanged=4)
    write_run(study, spec(make_params(), "gan", 0, version="2"))
    assert mirror(study, make_params()).added == 1
    assert len(points(study)) == len(before) + 4 * 2 + 4
    tracking.serve(study, make_params())
    assert f"digits: {address}/?workflowType" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_browser_opens_the_grouped_view_and_the_page_of_a_run(server, study, tmp_path):
    """The view is an undocumented tag of MLflow's: only its page can tell whether it is still understood."""
    seen = in_browser(server, tmp_path / "view")
    assert all(words in seen for words in ("Group: gan", "Group: wgan_gp", "final/cfid", "(average)"))
    assert "gan seed 0" not in seen  # folded
    address, experiment = re.match(r"(http.*)#/experiments/(\d+)/", server).groups()
    run_id = run_of(study, "gan", 0).info.run_id
    seen = in_browser(f"{address}#/experiments/{experiment}/runs/{run_id}", tmp_path / "run")
    assert "gan seed 0" in seen and "variant.n_critic" in seen


def in_browser(address: str, profile: Path) -> str:
    """What a page shows once its scripts are done."""
    command = [
        CHROMIUM,
        *FLAGS[:-1],
        "--virtual-time-budget=20000",
        f"--user-data-dir={profile}",
        "--dump-dom",
        address,
    ]
    environment = os.environ | {"HOME": str(profile)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment).stdout
