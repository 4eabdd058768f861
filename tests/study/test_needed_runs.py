"""`ganspeed gc` removes no run that is in use or that an unfinished pilot, tuning or grid would have to train again."""

import subprocess
import sys
import threading

import pytest
import torch
from filelock import Timeout
from toy_study import TINY_NETWORKS, TINY_TRAIN, write, write_prepared

from ganspeed import cli
from ganspeed.params.load import load_params
from ganspeed.runs import locks
from ganspeed.scoring.train_classifier import build
from ganspeed.study import pilot
from ganspeed.study.needed_runs import needed_runs
from ganspeed.study.pilot import plan_pilot, run_pilot
from ganspeed.study.run_grid import run_grid
from ganspeed.study.tuning.trials import plan_trials

HOLD = "import sys, time, filelock\nwith filelock.FileLock(sys.argv[1]):\n    print(flush=True)\n    time.sleep(1)"


@pytest.fixture
def study(document, tmp_path, monkeypatch):
    """A toy study with its classifiers: its document, its workspace and its params."""
    monkeypatch.setenv("GANSPEED_WORKERS", "1")
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    digits = document["datasets"]["digits"]
    digits["networks"] = TINY_NETWORKS
    digits["train"] |= TINY_TRAIN
    digits["features"] |= {"epochs": 1, "width": 8, "min_accuracy": 1e-9}
    digits["evaluate"] |= {"samples": 200}
    document["evaluate"] |= {"full_snapshots": 0, "kid_subsets": 2, "kid_subset_size": 50, "transport_samples": 50}
    document["compare"] |= {"variants": ["gan"], "seeds": [0]}
    document["pilot"] |= {"seeds": [800], "length": 2}
    document["tuning"] |= {"trials": 1, "seeds": [900], "updates": 12}
    workspace = write_prepared(document, tmp_path)
    params = load_params(workspace.params)
    features = params.datasets["digits"].features
    build("digits", features, workspace.prepared("digits"), workspace.features("digits"), torch.device("cpu"))
    return document, workspace, params


def quiet(specs):
    return []


def test_runs_of_a_pilot_are_needed_until_it_is_scored(study):
    _, workspace, params = study
    _, specs = plan_pilot(workspace, params, "digits")
    of_pilot = {spec.fingerprint for spec in specs}
    of_tuning = {spec.fingerprint for trial in plan_trials(workspace, params, "digits") for spec in trial.specs}
    assert of_pilot and of_tuning and of_pilot | of_tuning < needed_runs(workspace, params)
    run_pilot(workspace, params, "digits", quiet)
    assert not of_pilot & needed_runs(workspace, params) and of_tuning < needed_runs(workspace, params)
    workspace.pilot("digits").with_suffix(".json").write_text("{}")  # damaged: it is scored again
    assert of_pilot < needed_runs(workspace, params)
    assert run_pilot(workspace, params, "digits", quiet) == 1
    table = workspace.pilot("digits")
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])  # so it is where its table was cut
    assert of_pilot < needed_runs(workspace, params)
    assert run_pilot(workspace, params, "digits", quiet) == 1 and table.read_bytes() == whole


def test_a_pilot_holds_the_lock_until_it_is_scored(study, monkeypatch):
    _, workspace, params = study
    score, seen = pilot.score_task, []

    def watched(task):
        with pytest.raises(Timeout):
            locks.acquire(workspace.run_cache / locks.TRAINING_LOCK, timeout=0)
        seen.append(task.seed)
        return score(task)

    monkeypatch.setattr(pilot, "score_task", watched)
    run_pilot(workspace, params, "digits", quiet)
    assert seen == [800]


def test_gc_leaves_runs_and_scores_that_no_stage_collected_yet(study, capsys):
    _, workspace, params = study
    run_grid(workspace, params, quiet)
    assert cli.main(["--root", str(workspace.root), "gc"]) == 0
    assert capsys.readouterr().out == "freed 0.0 MiB\n"
    assert (
        len(list(workspace.run_cache.glob("*/run/run.json")))
        == len(list(workspace.run_cache.glob("scores/*.csv")))
        == 1
    )


def test_gc_asks_what_is_needed_once_it_has_the_lock(study):
    document, workspace, params = study
    run_grid(workspace, params, quiet)
    document["compare"]["seeds"] = [5]
    write(document, workspace.root)
    path = workspace.run_cache / locks.TRAINING_LOCK
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    holder.stdout.readline()
    document["compare"]["seeds"] = [0, 5]
    edit = threading.Timer(0.5, write, (document, workspace.root))
    edit.start()
    assert cli.main(["--root", str(workspace.root), "gc"]) == 0
    edit.join()
    assert holder.wait() == 0 and len(list(workspace.run_cache.glob("*/run/run.json"))) == 1
