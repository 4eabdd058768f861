"""Signals to a real training: it saves what there is, ends in time with status 75, and goes on to the same bytes."""

import copy
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from digests import digests
from processes import WORKER, trainers
from toy_study import TINY_NETWORKS, TINY_TRAIN, write_prepared

from ganspeed.params.load import load_params
from ganspeed.study.run_grid import run_grid
from ganspeed.system.shutdown import GRACE
from ganspeed.workspace import Workspace

pytestmark = pytest.mark.slow
UPDATES = 400


@pytest.fixture(scope="module")
def study(shipped, tmp_path_factory) -> Workspace:
    """Two runs that take some seconds each, and a checkpoint of their own accord at the very end only."""
    document, root = copy.deepcopy(shipped), tmp_path_factory.mktemp("study")
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN | {
        "updates": UPDATES, "log_every": UPDATES // 10, "checkpoint_every": UPDATES
    }  # fmt: skip
    document["compare"] |= {"variants": ["wgan_gp"], "seeds": [0, 1]}
    return write_prepared(document, root)


def start(
    study: Workspace, root: Path, hanging_up: signal.Handlers = signal.SIG_DFL, updates: int = UPDATES
) -> subprocess.Popen:
    """`ganspeed run` on two workers, in a copy of the study at `root`; hanging_up: how it inherits SIGHUP."""
    if not root.exists():
        root.mkdir()
        text = study.params.read_text()
        (root / "params.yaml").write_text(text.replace(f" updates: {UPDATES}\n", f" updates: {updates}\n"))
        (root / "data").symlink_to(study.root / "data")
    command = [sys.executable, "-c", "import sys; from ganspeed import cli; sys.exit(cli.main(['run']))"]
    environment = os.environ | {"GANSPEED_WORKERS": "2", "GANSPEED_DEVICE": "cpu"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    return subprocess.Popen(
        command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: hang_up(hanging_up)
    )


def hang_up(handler: signal.Handlers) -> None:
    signal.signal(signal.SIGHUP, handler)


def wait_for_both(process: subprocess.Popen) -> None:
    """Until each of the two runs has been a tenth on its way."""
    seeds = set()
    for line in process.stderr:
        seeds |= {word for word in ("seed 0:", "seed 1:") if word in line and f"/{UPDATES}" in line}
        if len(seeds) == 2:
            return
    raise AssertionError("it ended before both runs were on their way")


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory) -> dict[str, str]:
    """The bytes that these runs end with, here one after the other and in this process."""
    workspace = Workspace(tmp_path_factory.mktemp("undisturbed") / "study")
    shutil.copytree(study.root, workspace.root)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GANSPEED_WORKERS", "1")
        environment.setenv("GANSPEED_DEVICE", "cpu")
        run_grid(workspace, load_params(workspace.params), lambda specs: [])
    return finished(workspace.root)


def finished(root: Path) -> dict[str, str]:
    """The bytes of every finished run."""
    found = digests(root / ".runs")
    return {name: digest for name, digest in found.items() if "/run/" in name}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_every_run_ends_with_75_in_time_and_loses_no_byte(number, study, undisturbed, tmp_path):
    root = tmp_path / "study"
    process = start(study, root)
    wait_for_both(process)
    sent = time.monotonic()
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 75 and time.monotonic() - sent < 5
    assert "the same command continues from there" in said and "Traceback" not in said
    assert len(list(root.glob(".runs/*/checkpoints/*.pt"))) == 2 and trainers(root) == []
    process = start(study, root)
    said = process.communicate()[1]
    assert process.returncode == 0, said
    assert finished(root) == undisturbed


def test_a_second_signal_does_not_wait(study, tmp_path):
    root = tmp_path / "study"
    process = start(study, root)
    wait_for_both(process)
    for pid in trainers(root, WORKER):
        os.kill(pid, signal.SIGSTOP)  # they cannot save anything now
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75 and time.monotonic() - sent < 1
    assert trainers(root) == []


def test_what_cannot_save_in_time_is_ended(study, tmp_path):
    root = tmp_path / "study"
    process = start(study, root)
    wait_for_both(process)
    for pid in trainers(root, WORKER):
        os.kill(pid, signal.SIGSTOP)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75 and time.monotonic() - sent < 5
    assert trainers(root) == []


def test_a_closed_terminal_that_says_so_twice_is_no_impatience(study, tmp_path):
    root = tmp_path / "study"
    process = start(study, root)
    wait_for_both(process)
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    process.communicate(timeout=60)
    assert process.returncode == 75 and len(list(root.glob(".runs/*/checkpoints/*.pt"))) == 2


def test_a_signal_after_the_training_has_stopped_is_handled_too():
    lines = (
        "import signal",
        "from ganspeed.system.shutdown import handle_signals, requested",
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)",  # the tests themselves may run under nohup
        "with handle_signals():",
        "    signal.raise_signal(signal.SIGHUP)",
        "assert requested()",
        "signal.raise_signal(signal.SIGHUP)",
    )
    assert subprocess.run([sys.executable, "-c", "\n".join(lines)]).returncode == 0


def test_under_nohup_a_closed_terminal_stops_nothing(study, tmp_path):
    root = tmp_path / "study"
    process = start(study, root, hanging_up=signal.SIG_IGN, updates=40_000)  # not done when the wait is over
    wait_for_both(process)
    for pid in trainers(root):
        os.kill(pid, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):  # it would have ended within GRACE
        process.communicate(timeout=GRACE + 1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 75
