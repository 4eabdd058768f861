"""What MLflow refuses of one run, or one part of it, keeps nothing else from being mirrored."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from mirrored import PICTURE, VALUES, current, points, rows_of, runs_of, spec, write_run
from mlflow_server import mlflow_server

from ganspeed.tracking import mirror as mirror_module
from ganspeed.tracking.address import tracking_uri
from ganspeed.tracking.client import TrackingError, now
from ganspeed.tracking.mirror import MirrorSummary, mirror, mirror_safely


def change(workspace, statement: str) -> None:
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as database:
        database.execute(statement)
        database.commit()


def test_without_files_all_else_is_mirrored_and_they_come_later(study, params, capfd):
    """As where a server has no place for them: here a file is where their folder should be."""
    place = study.root / "mlartifacts"
    place.write_text("no folder")
    assert mirror(study, params).added == 4
    seen = points(study)
    assert len(seen) == 4 * (4 * 2 + 4 + VALUES)
    assert rows_of(study, "select status, count(*) from runs group by status") == [("FINISHED", 4)]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: MLflow at sqlite:///") and "files of 4 runs not mirrored" in line
    assert mirror(study, params) == MirrorSummary(unchanged=4)
    assert "files of 4 runs" in capfd.readouterr().err
    place.unlink()
    assert mirror(study, params) == MirrorSummary(updated=4)
    assert len(list(place.glob(f"*/*/artifacts/{PICTURE}"))) == 4
    assert mirror(study, params) == MirrorSummary(unchanged=4) and points(study) == seen
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["mlflow-artifacts:/", "{root}/a file/of the server's machine"])
def test_a_server_that_passes_no_files_on_is_given_all_else(place, study, params, monkeypatch, capfd):
    """It has experiments whose files it does not serve, or leaves each client to write to a disk that it has not."""
    (study.root / "a file").touch()
    options = ["--backend-store-uri", tracking_uri(study), "--no-serve-artifacts"]
    options += ["--default-artifact-root", place.format(root=study.root)]
    with mlflow_server(study.root, "server", *options) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        capfd.readouterr()
        assert mirror(study, params).added == 4
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"warning: MLflow at {address}: files of 4 runs not mirrored, digits gan seed 0: ")
        assert len(points(study)) == 4 * (4 * 2 + 4 + VALUES)
        assert mirror(study, params) == MirrorSummary(unchanged=4)
        mirror_safely(study, params)
        assert all(text.startswith("warning: ") for text in capfd.readouterr().err.splitlines())


@pytest.mark.parametrize("damaged", ["run.json", "history.csv"])
def test_a_run_that_cannot_be_mirrored_is_named_and_the_others_are_there(study, params, damaged, capfd):
    path = study.run("digits", "gan", 0) / damaged
    content = path.read_text()
    path.write_text("update,d_loss\n10,abc\n")
    with pytest.raises(TrackingError, match=r"1 not mirrored, the others are: digits gan seed 0: "):
        mirror(study, params)
    finished = "select count(*) from tags where key = 'ganspeed.mirrored'"
    assert rows_of(study, finished) == [(3,)]
    mirror_safely(study, params)
    assert capfd.readouterr().err.count("digits gan seed 0") == 1
    path.write_text(content)
    done = mirror(study, params)
    assert done.unchanged == 3 and done.added + done.updated == 1
    assert rows_of(study, finished) == [(4,)] and len(points(study)) == 4 * (4 * 2 + 4 + VALUES)


def test_a_run_of_another_version_is_named_in_a_sentence(study, params):
    path = study.run("digits", "gan", 0) / "run.json"
    record = json.loads(path.read_text())
    del record["parameters"]["networks"]
    path.write_text(json.dumps(record))
    with pytest.raises(TrackingError, match=r"no block 'networks', being one of another version; train the run again"):
        mirror(study, params)


def test_a_run_whose_files_are_damaged_later_stays_in_the_view(study, params):
    mirror(study, params)
    (study.run("digits", "gan", 0) / "run.json").write_text("{")
    with pytest.raises(TrackingError, match="digits gan seed 0"):
        mirror(study, params)
    assert current(study) == ["gan-0-v1", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


def test_runs_that_were_edited_in_the_page_are_mended(study, params):
    """Tags that were removed or overwritten, of runs with files and without."""
    mirror(study, params)
    write_run(study, spec(params, "gan", 0, version="2"))
    mirror(study, params)
    change(study, "delete from tags where key in ('current', 'status')")
    assert mirror(study, params).updated == 4
    assert current(study) == ["gan-0-v2", "gan-1-v1", "wgan_gp-0-v1", "wgan_gp-1-v1"]


def test_a_heartbeat_that_is_no_time_or_lies_ahead_is_none(study, params):
    mirror(study, params)
    change(study, "update runs set status = 'RUNNING'")
    tomorrow = now() + 86_400
    for value, (run,) in zip(("soon", "", "inf", tomorrow), runs_of(study, "run_uuid"), strict=True):
        change(study, f"insert into tags (key, value, run_uuid) values ('ganspeed.heartbeat', '{value}', '{run}')")
    for variant in ("gan", "wgan_gp"):
        shutil.rmtree(study.runs("digits", variant))
    mirror(study, params)
    assert set(runs_of(study, "status")) == {("KILLED",)} and current(study) == []


def test_a_heartbeat_some_seconds_ahead_is_that_of_a_run_in_training():
    assert mirror_module._is_beating(str(now() + 60)) and mirror_module._is_beating(str(now() - 60))
    assert not mirror_module._is_beating(str(now() - 180)) and not mirror_module._is_beating(None)
