"""Real `dvc repro` processes that are killed, or run side by side: no trainer is left behind and no byte is lost."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import faults
import pytest
from digests import digests
from processes import WORKER, trainers
from toy_study import Study, new_study

from ganspeed.workspace import Workspace

pytestmark = pytest.mark.slow
STAGE = "train@digits-iterative"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Study:
    """A study under git and dvc whose next stage trains two runs for some seconds."""
    study = new_study(tmp_path_factory.mktemp("prepared") / "study")

    def long(document) -> None:
        document["compare"]["variants"] = ["iterative"]
        document["datasets"]["digits"]["train"].update(updates=250, checkpoint_every=25)

    study.edit(long)
    study.run("dvc", "repro", "-q", "prepare")
    return study


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory) -> dict[str, str]:
    """The bytes that this training ends with, here on one worker and without dvc."""
    study = copy_of(prepared, tmp_path_factory.mktemp("undisturbed") / "study")
    shutil.rmtree(study.root / "src")  # a study of the code of this process, which is the same
    ended = faults.run(Workspace(study.root), "train")
    assert ended.status == 0, ended.said
    return runs(study)


def copy_of(study: Study, root: Path) -> Study:
    shutil.copytree(study.root, root, symlinks=True)
    return Study(root, mirror=True)


def runs(study: Study) -> dict[str, str]:
    return digests(study.root / "artifacts" / "runs")


def start(study: Study, **environment: str) -> subprocess.Popen:
    """`dvc repro` of the training on two workers, both of them at work."""
    environment = study.environment | {"GANSPEED_WORKERS": "2"} | environment
    process = subprocess.Popen(["dvc", "repro", "-q", STAGE], cwd=study.root, env=environment, stderr=-3)
    end = time.monotonic() + 120
    while len(list(study.root.glob(".runs/*/checkpoints/*.pt"))) < 2:
        assert process.poll() is None and time.monotonic() < end, "no training began"
        time.sleep(0.05)
    return process


@pytest.fixture
def patient_shell(tmp_path) -> str:
    """A shell that waits for its command; others make way for it, so that dvc is the parent of the stage."""
    path = tmp_path / "shell"
    path.write_text('#!/bin/sh\n/bin/sh "$@"\nexit $?\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_with_dvc_its_trainers_end_in_time_and_the_next_one_goes_on(
    number, prepared, undisturbed, tmp_path, patient_shell
):
    study = copy_of(prepared, tmp_path / "study")
    process = start(study, SHELL=patient_shell)
    assert len(trainers(study.root, WORKER)) == 2
    process.send_signal(number)
    sent = time.monotonic()
    assert process.wait() == -number
    while trainers(study.root):
        assert time.monotonic() - sent < 5
        time.sleep(0.05)
    assert runs(study) == {}
    study.run("dvc", "repro", STAGE)
    assert runs(study) == undisturbed


def test_of_two_at_once_the_second_names_the_first_and_leaves_it_alone(prepared, undisturbed, tmp_path):
    study = copy_of(prepared, tmp_path / "study")
    first = start(study)
    at_work = trainers(study.root, "train.py") + trainers(study.root, WORKER)
    for pid in at_work:
        os.kill(pid, signal.SIGSTOP)  # so that the second comes in time
    second = study.run("dvc", "repro", STAGE, check=False)
    for pid in at_work:
        os.kill(pid, signal.SIGCONT)
    assert second.returncode != 0 and f"(PID {first.pid}):" in second.stderr
    assert first.wait() == 0
    assert runs(study) == undisturbed
