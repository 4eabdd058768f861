"""What stands in the way of a study is named, with the one thing to do about it."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock
from processes import run_unprivileged
from toy_study import PROJECT

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
    (tmp_path / "params.yaml").touch()
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
    assert doctor(root, capsys) == (0, "nothing blocks this study\n")
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


RESULTS = "schema: '2.0'\nstages:\n  train:\n    cmd: a\n    outs:\n    - path: b\n      md5: d41d8cd98f\n"


@pytest.mark.parametrize("name", ["dvc.lock", "studies/dvc.lock"])
@pytest.mark.parametrize(
    "content", [RESULTS[:35] + "[a", "stages", "", RESULTS.split("cmd")[0], RESULTS.replace("2.0", "3.0"), "[]", "\0"]
)
def test_results_that_dvc_refuses_are_to_be_restored(root, name, content, capsys):
    (root / "studies").mkdir()
    (root / name).write_text(RESULTS)
    assert doctor(root, capsys)[0] == 0
    (root / name).write_text(content)
    status, said = doctor(root, capsys)
    assert status == 2 and f"{root / name}: damaged; `git checkout {name}`, or remove it" in said


def test_a_folder_that_is_no_study_is_not_said_to_be_in_order(root, capsys):
    status, said = doctor(root / "nowhere", capsys)
    assert status == 2 and f"--root: {root / 'nowhere'}: No such file or directory" in said
    status, said = doctor(root / ".runs", capsys)
    assert status == 2 and f"{root / '.runs/params.yaml'}: no such file; `--root` names the folder of a study" in said
    assert not (root / "nowhere").exists()


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


def taken_in_vain(root: Path) -> str:
    """What a stage says that needs the lock."""
    with pytest.raises(UserError, match=r"\.runs/lock: .*`ganspeed doctor` says what to do") as refused:
        RunStore(Workspace(root)).lock()
    return str(refused.value)


@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_a_run_cache_that_is_no_folder_is_named(root, kind, capsys):
    (root / ".runs/lock").unlink()
    (root / ".runs").rmdir()
    (root / ".runs").touch() if kind == "file" else (root / ".runs").symlink_to(root / "unmounted")
    taken_in_vain(root)
    status, said = doctor(root, capsys)
    assert status == 2 and f"{root / '.runs'} is no folder; move it away, or link it to a folder that exists" in said


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_on_a_drive_without_locks_the_doctor_says_what_helps(root, number, capsys, monkeypatch):
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert os.strerror(number) in taken_in_vain(root)
    status, said = doctor(root, capsys)
    assert status == 2 and f"{root / '.runs/lock'}: {os.strerror(number)}: this drive supports no locks; put" in said
    assert f"`mv {root / '.runs'} LOCAL_FOLDER/NEW_NAME && ln -s LOCAL_FOLDER/NEW_NAME {root / '.runs'}`" in said


def test_on_a_read_only_drive_the_doctor_says_the_way_out(root, capsys, monkeypatch):
    def refuse(*_, **__) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    status, said = doctor(root, capsys)
    way = f"mount it writable, or move {root / '.runs'} away and link it to a folder on another drive"
    assert status == 2 and f"{root / '.runs/lock'}: Read-only file system; {way}" in said


def test_the_doctor_takes_no_lock_that_a_training_may_want(root, capsys, monkeypatch):
    taken, acquire = [], FileLock.acquire
    monkeypatch.setattr(FileLock, "acquire", lambda self, **how: taken.append(self.lock_file) or acquire(self, **how))
    assert doctor(root, capsys) == (0, "nothing blocks this study\n")
    assert taken and not {str(root / ".runs" / name) for name in ("lock", "mlflow.lock")} & {*taken}
    assert [path.name for path in (root / ".runs").iterdir()] == ["lock"]


def doctor_of_a_user(root: Path) -> str:
    """What the doctor says to who must obey the modes of files, as the owner of the tests' process."""
    command = [sys.executable, "-m", "ganspeed.cli", "--root", str(root), "doctor"]
    done = run_unprivileged(command, env=os.environ | {"PYTHONPATH": str(PROJECT / "src")})
    assert done.returncode == 2 and "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(("name", "mode"), [(".runs", 0o555), (".runs", 0o000), (".runs/lock", 0o444)])
def test_what_its_owner_may_not_write_is_to_be_made_writable(name, mode, root):
    (root / name).chmod(mode)
    said = doctor_of_a_user(root)
    (root / name).chmod(0o755)
    assert f"{root}/.runs/lock: Permission denied; `chmod u+rwX {root / name}`" in said


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_lock_of_another_user_is_to_be_given_back(capsys):
    """The tests' own folder may be below one that only root reads."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "params.yaml").touch()
        for path in (root / ".runs/lock", root / ".dvc/tmp/lock"):
            path.parent.mkdir(parents=True)
            path.touch()
            path.chmod(0o444)
            os.chown(path, 12345, -1)
        said = doctor_of_a_user(root)
    assert f"{root}/.runs/lock: Permission denied, perhaps after a run by another user; `sudo chown -R" in said
    assert f"{root}/.dvc/tmp/lock: not yours to write; once no `dvc` is running here, remove it" in said
