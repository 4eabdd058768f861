"""The commit of the code that trains, and whether it is that code: real checkouts, and what hides a difference."""

import os
import runpy
import subprocess
from pathlib import Path

import pytest
from toy_study import PROJECT, toy, write_prepared

import stage

from ganspeed import cli
from ganspeed.runs import provenance
from ganspeed.runs.provenance import git_state, read_provenance
from ganspeed.runs.store import RunStore
from ganspeed.system.git import is_checkout

UNKNOWN = ("unknown", None)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def checkout(root: Path) -> str:
    """Make a checkout of some files at `root`; returns its commit."""
    (root / "src" / "ganspeed").mkdir(parents=True)
    (root / ".gitignore").write_text("__pycache__/\n*.egg-info/\n")
    for name in ("params.yaml", "dvc.lock", "src/a.py", "src/ganspeed/b.py"):
        (root / name).write_text("1\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return git(root, "rev-parse", "HEAD")


def state(root: Path) -> tuple[str, bool | None]:
    """The answer of a new process."""
    provenance._first_git_state.cache_clear()
    is_checkout.cache_clear()
    return git_state(root)


def test_it_tells_the_commit_and_whether_the_code_differs(tmp_path):
    assert state(tmp_path) == UNKNOWN
    commit = checkout(tmp_path)
    assert state(tmp_path) == (commit, False)
    assert state(tmp_path / "src") == UNKNOWN  # inside somebody else's checkout
    (tmp_path / "dvc.lock").write_text("2\n")
    (tmp_path / "notes.txt").write_text("2\n")
    for name in ("src/__pycache__/a.pyc", "src/x.egg-info/PKG-INFO"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("2\n")
    assert state(tmp_path) == (commit, False)
    (tmp_path / "params.yaml").write_text("2\n")
    assert state(tmp_path) == (commit, True)


@pytest.mark.parametrize("name", ["b.py", "gän.py", "two words.py", "new\nline.py"])
@pytest.mark.parametrize("ignored", [False, True])
def test_code_that_the_commit_lacks_is_found_whatever_hides_it(name, ignored, tmp_path):
    commit = checkout(tmp_path)
    if ignored:
        (tmp_path / ".git" / "info" / "exclude").write_text("*.py\n")
    (tmp_path / "src" / name).write_text("2\n")
    assert state(tmp_path) == (commit, True)


def test_an_edit_counts_if_it_was_there_at_the_first_call_or_is_now(tmp_path):
    commit, path = checkout(tmp_path), tmp_path / "params.yaml"
    assert state(tmp_path) == (commit, False)
    path.write_text("2\n")
    assert git_state(tmp_path) == (commit, True)
    path.write_text("1\n")
    assert git_state(tmp_path) == (commit, False)
    path.write_text("2\n")
    assert state(tmp_path) == (commit, True)
    path.write_text("1\n")
    assert git_state(tmp_path) == (commit, True)


def train_stage(root: Path, monkeypatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["pipeline/train.py", "digits", "gan"])
    for name in ("exit_now", "stop_with_dvc"):
        monkeypatch.setattr(stage, name, lambda *status: None)
    runpy.run_path(str(PROJECT / "pipeline/train.py"), run_name="__main__")


def run_command(root: Path, monkeypatch) -> None:
    cli.main(["--root", str(root), "run"])  # it ends in an error once all is trained: nothing here to score with


@pytest.mark.parametrize("start", [pytest.param(train_stage, marks=pytest.mark.slow), run_command])
def test_an_edit_that_is_taken_back_while_a_start_waits_counts(start, document, tmp_path, monkeypatch):
    monkeypatch.setenv("GANSPEED_WORKERS", "1")
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    workspace = write_prepared(toy(document, ["gan"], [0]), tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/ganspeed").symlink_to(PROJECT / "src/ganspeed")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "params.yaml", "src")
    git(tmp_path, "commit", "-qm", "one")
    before = workspace.params.read_text()
    workspace.params.write_text(before.replace("updates: 12", "updates: 13"))
    lock = RunStore.lock

    def waited(store):
        workspace.params.write_text(before)
        return lock(store)

    monkeypatch.setattr(RunStore, "lock", waited)
    start(tmp_path, monkeypatch)
    [path] = [*workspace.artifacts.glob("provenance/*/*/*.json"), *workspace.run_cache.glob("*/provenance.json")]
    assert read_provenance(path).dirty is True


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_was_asked_not_to_look_at_counts_as_changed(flag, tmp_path):
    commit = checkout(tmp_path)
    git(tmp_path, "update-index", flag, "src/a.py")
    (tmp_path / "src" / "a.py").write_text("2\n")
    assert git(tmp_path, "status", "--porcelain") == ""
    assert state(tmp_path) == (commit, True)


def test_variables_of_a_hook_do_not_lead_to_another_repository(tmp_path, monkeypatch):
    commit, other = checkout(tmp_path / "own"), tmp_path / "other"
    checkout(other)
    git(other, "commit", "-q", "--allow-empty", "-m", "two")
    (tmp_path / "own" / "src" / "a.py").write_text("2\n")
    for name, value in (("DIR", other / ".git"), ("WORK_TREE", other), ("INDEX_FILE", other / ".git" / "index")):
        monkeypatch.setenv(f"GIT_{name}", str(value))
    assert state(tmp_path / "own") == (commit, True)


def test_an_empty_git_folder_inside_a_checkout_has_no_commit(tmp_path, capsys):
    checkout(tmp_path)
    (tmp_path / "inner" / ".git").mkdir(parents=True)
    assert state(tmp_path / "inner") == UNKNOWN
    assert capsys.readouterr().err.count(str(tmp_path)) > 0


def test_the_reason_why_git_refuses_is_said_once(tmp_path, monkeypatch, capsys):
    """A checkout of somebody else, as in containers with mounted folders; git has a variable to act as if it were."""
    checkout(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # which may call every folder safe
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    assert state(tmp_path) == git_state(tmp_path) == UNKNOWN
    said = capsys.readouterr().err
    assert said.count("detected dubious ownership") == 1 and said.count("\n") == 1


def test_a_repository_without_a_commit_or_a_machine_without_git_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "src" / "ganspeed").mkdir(parents=True)
    git(tmp_path, "init", "-q")
    assert state(tmp_path) == UNKNOWN
    assert capsys.readouterr().err.startswith(f"git does not tell the commit of {tmp_path}: ")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert state(tmp_path) == UNKNOWN
    assert ": No such file or directory: git\n" in capsys.readouterr().err
