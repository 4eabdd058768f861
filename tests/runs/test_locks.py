"""What stands in the way of a study is named, with the one thing to do about it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.runs.store import RunStore
from ganspeed.workspace import Workspace

HOLD = """
import sys, time, filelock
with filelock.FileLock(sys.argv[1]):
    print(flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def root(tmp_path) -> Path:
    for name in (".dvc/tmp", ".runs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".runs/lock").touch()
    (tmp_path / ".dvc/tmp/lock").write_text(" 1234\n")  # what dvc leaves behind: nobody holds it
    (tmp_path / ".dvc/tmp/rwlock").write_text('{"write": {}, "read": {}}')
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    return tmp_path


def doctor(root: Path, capsys) -> tuple[int, str]:
    status = cli.main(["--root", str(root), "doctor"])
    out, err = capsys.readouterr()
    return status, out + err


def hold(path: Path, seconds: float) -> subprocess.Popen:
    """A process that holds this lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_files_that_are_left_behind_are_no_fault(root, capsys):
    assert doctor(root, capsys) == (0, "no lock is stale or damaged\n")
    for path in (".dvc/tmp/rwlock", "dvc.lock"):
        (root / path).unlink()
    assert doctor(root, capsys)[0] == 0


@pytest.mark.parametrize("content", ['{"write": {"/a": {"pid"', "[]", '{"write": {"/a": {"cmd": "dvc repro"}}}'])
def test_a_damaged_list_of_dvcs_users_is_to_be_removed(root, content, capsys):
    path = root / ".dvc/tmp/rwlock"
    path.write_text(content)
    status, said = doctor(root, capsys)
    assert status == 2 and f"{path}: damaged; once no `dvc` is running here, remove it" in said
    path.unlink()
    assert doctor(root, capsys)[0] == 0


@pytest.mark.parametrize("kind", ["read", "write"])
def test_so_is_one_that_names_a_process_which_is_no_dvc(root, kind, capsys):
    """Its number was given to another process since: dvc would wait for that one."""
    user = {"pid": os.getppid(), "cmd": "dvc repro"}
    path = root / ".dvc/tmp/rwlock"
    path.write_text(json.dumps({kind: {"/a": [user] if kind == "read" else user}}))
    status, said = doctor(root, capsys)
    assert status == 2 and f"{path}: names process {os.getppid()}, which is no dvc; once no" in said


@pytest.mark.parametrize("content", ["schema: '2.0'\nstages:\n  train:\n   cmd: [a", "stages"])
def test_damaged_results_of_dvc_are_to_be_restored(root, content, capsys):
    (root / "dvc.lock").write_text(content)
    status, said = doctor(root, capsys)
    assert status == 2 and f"{root / 'dvc.lock'}: damaged; `git checkout dvc.lock`, or remove it" in said


def test_what_is_no_file_is_named_by_whoever_needs_it_too(root, capsys):
    path = root / ".runs/lock"
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"\.runs/lock: .*`ganspeed doctor` says what to do"):
        RunStore(Workspace(root)).lock()
    status, said = doctor(root, capsys)
    assert status == 2 and f"{path}: not a file; remove it" in said


def test_a_lock_that_is_held_is_no_fault_and_its_holder_is_named(root, capsys):
    holder = hold(root / ".runs/lock", 60)
    status, said = doctor(root, capsys)
    assert status == 0 and f"{root / '.runs/lock'}: held by process {holder.pid} (" in said
    holder.kill()
    holder.wait()
    assert "held" not in doctor(root, capsys)[1]


def test_a_second_training_waits_for_the_first_and_names_it(root, capsys):
    start = time.monotonic()
    holder = hold(root / ".runs/lock", 1)
    with RunStore(Workspace(root)).lock():
        assert holder.wait() == 0 and time.monotonic() - start > 1
    assert f"waiting for process {holder.pid} (" in capsys.readouterr().err
