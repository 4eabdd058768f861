"""What MLflow shows of runs while they are trained."""

import sqlite3
import threading
from contextlib import closing

from mirrored import current, points, run_of, spec, wait_for, watch, write_run

from ganspeed.tracking.live import LiveMirror
from ganspeed.tracking.mirror import MirrorSummary, mirror


def test_live_points_are_those_that_the_mirror_logs(workspace, params):
    runs = [spec(params, "gan", seed) for seed in params.compare.seeds]
    watch(workspace, params, runs)
    seen = points(workspace)
    assert len(seen) == 2 * 4 * 2  # runs, rows, values
    assert run_of(workspace, "gan", 0).info.status == "FINISHED"
    for run in runs:
        write_run(workspace, run)
    assert mirror(workspace, params, "digits", "gan") == MirrorSummary(updated=2)
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


def test_a_mirrored_run_that_was_retrained_and_killed_is_finished(study, params):
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
    live = LiveMirror(study, params)
    live.started(spec(params, "gan", 0, version="2"))
    wait_for(lambda: "gan-0-v2" in current(study) and "gan-0-v1" not in current(study))
    mirror(study, params)  # as `ganspeed ui` does while training goes on
    assert "gan-0-v2" in current(study)
    live.close()


def test_nothing_of_mlflow_is_under_way_while_the_workers_are_started(study, params):
    """It changes the environment as it is imported; a process started meanwhile may die of that, without a word."""
    before = set(threading.enumerate())
    live = LiveMirror(study, params)
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
