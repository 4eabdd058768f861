"""The MLflow mirror shows what the files hold, once."""

import importlib.util
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from mirrored import (
    PICTURE,
    PIXEL,
    WEIGHTS,
    current,
    history,
    make_params,
    points,
    rows_of,
    run_of,
    spec,
    write_run,
    write_scores,
)

from ganspeed.compare.names import REACHED, SPEED_UP, TIME_TO_TAU
from ganspeed.params.variants import parse_variant
from ganspeed.scoring.metrics import METRICS
from ganspeed.tracking import client as client_module
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.client import Client, TrackingError
from ganspeed.tracking.descriptions import describe_experiment
from ganspeed.tracking.live import LiveMirror
from ganspeed.tracking.mirror import MirrorSummary, mirror, mirror_safely
from ganspeed.tracking.run_files import flat_parameters, row_points
from ganspeed.tracking.server import serve
from ganspeed.tracking.view import view_url, views

SHOWN_FILES = {"images", "samples.gif", "history.csv", "scores.csv", "generator-40.safetensors"}


def test_a_second_mirror_adds_no_run_and_doubles_no_point(study, params):
    assert mirror(study, params).added == 4
    before, runs = points(study), rows_of(study, "select count(*) from runs")
    assert mirror(study, params) == MirrorSummary(unchanged=4)
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
    files = Path(run.info.artifact_uri.removeprefix("file://"))
    assert files.is_relative_to(study.root / "mlartifacts")
    assert {path.name for path in files.iterdir()} == SHOWN_FILES
    folder = study.run("digits", "wgan_gp", 1)
    assert (files / "history.csv").read_bytes() == (folder / "history.csv").read_bytes()
    assert (files / "scores.csv").read_bytes() == study.scores("digits", "wgan_gp", 1).read_bytes()
    assert (files / "generator-40.safetensors").read_bytes() == WEIGHTS
    assert (files / PICTURE).read_bytes() == PIXEL


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
    assert mirror(study, params, "digits", "gan") == MirrorSummary(updated=1, unchanged=1)
    assert run_of(study, "gan", 0).data.metrics["final/cfid"] == 2.5


def test_new_scores_replace_the_old_ones(study, params):
    mirror(study, params)
    write_scores(study, spec(params, "gan", 0), last=7.0)
    assert mirror(study, params) == MirrorSummary(rebuilt=1, unchanged=3)
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


def test_every_page_of_a_search_is_progress(study, params, monkeypatch):
    """A search of many runs takes longer than a stage waits without progress; each page of it is some."""
    mirror(study, params)
    client, signs = Client(study), []
    monkeypatch.setattr(client_module, "RUNS_PER_PAGE", 2)
    (experiment_id,) = client.other_experiments([]).values()
    assert len(client.search_runs(experiment_id, on_progress=lambda: signs.append("page"))) == 4
    assert signs == ["page", "page"]


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


def test_row_points_leave_out_multiples_of_update_and_what_is_not_finite():
    counts = {"update": 10.0, "d_updates": 50.0, "images_seen": 3200.0}
    row = counts | {"d_loss": float("inf"), "g_loss": float("-inf"), "gap": float("nan"), "alpha": -0.5}
    assert row_points(row, {"updates": 40, "log_every": 10}) == [("alpha", -0.5, 10)]
    first = {"update": 0, "d_updates": 0, "images_seen": 0, "probe/auc": 0.5, "probe/bend_D": float("nan")}
    assert row_points(first, {"updates": 40, "log_every": 10}) == [("probe/auc", 0.5, 0)]


def test_of_a_long_history_forty_rows_are_shown_with_first_and_last():
    train = {"updates": 1234, "log_every": 5}
    logged = [u for u in range(1, 1235) if u % 5 == 0 or u in (1, 1234)]
    shown = [p.step for u in logged for p in row_points({"update": u, "gap": 0.5}, train)]
    assert shown == [1, *range(35, 1234, 35), 1234]


def test_parameters_are_the_same_text_from_python_and_from_json():
    parameters = {"variant": {"optimizer": {"betas": (0.5, 0.999), "lr_g": 2e-4}, "clip": 0.01, "saturating": False}}
    flat = flat_parameters(parameters)
    assert flat == flat_parameters(json.loads(json.dumps(parameters)))
    assert flat["variant.optimizer.betas"] == "[0.5, 0.999]"


def test_a_broken_file_does_not_fail_the_stage(study, params, capfd):
    (study.run("digits", "gan", 0) / "history.csv").write_text("update,d_loss\n10,abc\n")
    mirror_safely(study, params)
    assert "warning: MLflow at sqlite:///" in capfd.readouterr().err


def test_without_mlflow_nothing_happens_but_a_warning(study, params, monkeypatch, capfd):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else find_spec(name))
    assert mirror(study, params) == MirrorSummary()
    live = LiveMirror(study, params)
    live.started(spec(params, "gan", 0))
    live.close()
    assert capfd.readouterr().err.count("MLflow is not installed") == 1
    assert points(study) == []
    with pytest.raises(TrackingError, match="MLflow is not installed"):
        serve(study, params)


def test_descriptions_and_views_fit_the_tags_of_mlflow():
    """A tag of an experiment holds 5000 characters."""
    params = make_params(variants=[f"wgan_gp_{i:02}" for i in range(12)], seeds=range(100, 112))
    tags = {**views("digits", params), "note": describe_experiment("digits", params, 1000 * "x", "#/a/link")}
    assert {name: len(text) for name, text in tags.items() if len(text) > 5000} == {}


def test_importing_the_mirror_does_not_import_mlflow():
    modules = "sys, ganspeed.tracking.live, ganspeed.tracking.mirror, ganspeed.tracking.terminal"
    code = f"import {modules}; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def states(params) -> dict[str, dict]:
    """View → its state."""
    named = {tag.rsplit(".", 1)[1]: json.loads(view) for tag, view in views("digits", params).items()}
    assert {name: view["name"] for name, view in named.items()} == {name: name for name in named}
    return {name: json.loads(view["state"]) for name, view in named.items()}


def test_the_runs_are_shown_by_variant_with_times_and_scores():
    state = states(make_params(split="val"))["runs"]
    assert state["searchFilter"] == "tags.current = 'true' AND tags.kind = 'run'"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "variant"}]
    shown = [f"metrics.`{name}`" for name in (TIME_TO_TAU, REACHED, "final/cfid", "final/cfid_second", "final/ckid")]
    assert state["selectedColumns"][:6] == ["tags.`status`", *shown]
    everywhere = {f"{metric.name}`" for metric in METRICS if metric.fed is None}
    assert {column.split("/")[-1] for column in state["selectedColumns"][3:]} == everywhere
    charts = {chart["metricKey"]: chart["scaleType"] for chart in state["compareRunCharts"]}
    assert charts == {"val/cfid": "log", "d_loss": "linear", "g_loss": "linear"}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} < {
        s["uuid"] for s in state["compareRunSections"]
    }
    assert state["groupsExpanded"] == {"tag.variant.gan": False, "tag.variant.wgan_gp": False}


def test_what_g_is_asked_for_has_columns_where_a_variant_of_the_grid_is():
    params = make_params()
    conditional = params.variants["gan"].model_copy(update={"networks": {"labels": "planes"}})
    codes = {"objective": "infogan", "n_critic": 1, "categorical": 4, "continuous": 0, "lambda_info": 1.0}
    infogan = parse_variant(codes | {"optimizer": params.variants["gan"].optimizer.model_dump()})

    def columns(**variants) -> set[str]:
        changed = params.model_copy(update={"variants": params.variants | variants})
        return set(states(changed)["runs"]["selectedColumns"])

    of_class, of_code = columns(gan=conditional) - columns(), columns(wgan_gp=infogan) - columns()
    assert of_class == {"metrics.`final/asked`"}
    assert of_code == {"metrics.`final/code_accuracy`", "metrics.`final/code_chance`"}
    assert columns(gan=conditional, wgan_gp=infogan) == columns() | of_class | of_code
    assert columns(other=conditional) == columns()  # not in the grid


def test_the_variants_are_shown_with_verdict_time_and_speed_up():
    state = states(make_params())["speed"]
    assert state["searchFilter"] == "tags.current = 'true' AND tags.kind = 'variant'"
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`{TIME_TO_TAU}`", True)
    speed_up = SPEED_UP.format(reference="wgan_gp")
    names = (TIME_TO_TAU, speed_up, f"{speed_up}_low", f"{speed_up}_high", REACHED, "n")
    assert state["selectedColumns"] == ["tags.`verdict`", *(f"metrics.`{name}`" for name in names)]
    assert state["columnOrder"] == [*state["selectedColumns"], "duration"]


def test_the_link_names_the_view_and_the_kind_of_page():
    assert view_url("http://127.0.0.1:5000/", "7", "speed") == (
        "http://127.0.0.1:5000/?workflowType=machine_learning"
        "#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=speed"
    )
    assert view_url("http://h", "7", "runs", charts=True).endswith("&compareRunsMode=CHART")
