"""Kept results are what was written: a damaged or missing one is refused by name wherever it is read again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import made_up
import pytest
from damage import flip
from toy_study import PROJECT

from ganspeed.errors import UserError
from ganspeed.report import write
from ganspeed.report.read import read_results
from ganspeed.runs.integrity import run_problems

PIPELINE = PROJECT / "pipeline"
CELL = ("digits", "wgan_gp", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made_up.write_study(tmp_path_factory.mktemp("whole") / "study", ("wgan_gp", "gan"), (0, 1), diverged=())


@pytest.fixture
def study(whole, tmp_path):
    """A copy to be damaged: its workspace and params."""
    workspace, params = whole
    shutil.copytree(workspace.root, tmp_path / "study")
    return type(workspace)(tmp_path / "study"), params


def stage(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PIPELINE / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["history.csv", "samples/18.png", "weights.json"])
def test_a_flipped_bit_in_a_kept_run_never_reaches_the_report(name, study):
    workspace, params = study
    flip(workspace.run(*CELL) / name, -20)
    with pytest.raises(UserError, match=rf"wgan_gp/seed-0/{name}: damaged: its SHA-256 is .*\nthe stage train@digits-"):
        write.write_report(workspace, params)
    assert not workspace.reports.exists() or not list(workspace.reports.iterdir())


def test_every_byte_of_run_json_counts(study):
    """A bit that changes what it says, but for names, is found by the fingerprint, the files' hashes or the types."""
    workspace, _ = study
    path = workspace.run(*CELL) / "run.json"
    before, content = path.read_bytes(), json.loads(path.read_text())
    found = 0
    for where in range(0, len(before), 7):
        path.write_bytes(before[:where] + bytes([before[where] ^ 1]) + before[where + 1 :])
        if run_problems(path.parent):
            found += 1
            continue
        now = json.loads(path.read_text())
        assert {key for key in content if content[key] != now.get(key)} <= {"dataset", "variant"}
    assert found > len(before) / 14


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_damaged_scores_are_compared_by_nobody(suffix, study):
    workspace, _ = study
    path = workspace.scores(*CELL).with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:-3])
    done = stage("compare", "digits", folder=workspace.root)
    assert done.returncode == 2 and f"seed-0{suffix}: damaged" in done.stderr and "Traceback" not in done.stderr
    assert "the scores of 4 runs on digits, 3 are there and undamaged: run the stage `evaluate`" in done.stderr


def test_a_label_that_tells_of_another_run_is_refused(study):
    """compare takes the cost of an update from it."""
    workspace, params = study
    label = workspace.scores(*CELL).with_suffix(".json")
    content = json.loads(label.read_text())
    content["run"]["n_critic"] = 4
    label.write_text(json.dumps(content))
    with pytest.raises(UserError, match="wgan_gp/seed-0 belong to another run: n_critic: 4, not 5"):
        read_results(workspace, params)


def test_runs_that_are_missing_are_counted_and_named_by_compare(study):
    workspace, _ = study
    before = workspace.comparison("digits").read_bytes()
    for cell in (CELL, ("digits", "gan", 1)):
        workspace.scores(*cell).unlink()
        workspace.scores(*cell).with_suffix(".json").unlink()
    done = stage("compare", "digits", folder=workspace.root)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "wgan_gp/seed-0.json: no such file" in done.stderr and "gan/seed-1.json: no such file" in done.stderr
    assert "the scores of 4 runs on digits, 2 are there and undamaged" in done.stderr
    assert workspace.comparison("digits").read_bytes() == before
