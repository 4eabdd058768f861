"""Ctrl-C, which the terminal sends to all processes of a stage or command, ends each in one line with status 75."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import WORKER, trainers

from ganspeed.system.shutdown import MESSAGE, STOPPED_STATUS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STAGES = {
    "check": (), "prepare": ("digits",), "features": ("digits",), "calibrate": ("digits",), "train": ("digits", "gan"),
    "evaluate": ("digits", "gan"), "timing": ("digits",), "compare": ("digits",), "report": (),
}  # fmt: skip


@pytest.fixture(scope="module")
def busy(finished, tmp_path_factory):
    """A finished toy study in which every stage has something to do, on two workers."""
    study = type(finished)(tmp_path_factory.mktemp("busy") / "study")
    subprocess.run(["cp", "-r", finished.root, study.root], check=True)

    def change(document):
        document["protocol"]["timing"] = {"repeats": 1000, "updates": 1000}
        document["datasets"]["digits"]["train"].update(updates=40000, log_every=1000, checkpoint_every=20000)

    study.run("rm", "-r", "artifacts/scores")
    study.edit(change)
    return study


def interrupted(study, command: list[str], wait) -> subprocess.CompletedProcess:
    """Run a command as on a terminal of its own, and send Ctrl-C once its package is imported and `wait()` is over."""
    environment = study.environment | {"GANSPEED_WORKERS": "2"}
    process = subprocess.Popen(
        command, cwd=study.root, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and "psutil" not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.01)
    wait()
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    return subprocess.CompletedProcess(command, process.returncode, stderr=said)


@pytest.mark.parametrize("after", [0.1, 2.0, 5.0])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_ends_in_one_line_at_any_moment(stage, after, busy):
    done = interrupted(busy, [sys.executable, f"pipeline/{stage}.py", *STAGES[stage]], lambda: time.sleep(after))
    last = [line for line in done.stderr.splitlines() if line][-1:]
    assert (done.returncode, last) == (STOPPED_STATUS, [MESSAGE]) or done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr and "leaked" not in done.stderr


def test_its_processes_end_with_it_and_say_nothing(busy):
    def wait():
        deadline = time.monotonic() + 60
        while len(trainers(busy.root, WORKER)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)

    done = interrupted(busy, [sys.executable, "-m", "ganspeed.cli", "run"], wait)
    assert done.returncode == STOPPED_STATUS and done.stderr.splitlines()[-1] == MESSAGE, done.stderr
    assert "Traceback" not in done.stderr and "leaked" not in done.stderr
    deadline = time.monotonic() + 5
    while trainers(busy.root) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert trainers(busy.root) == []
