"""`make` says what .venv cannot be made with before it begins to make it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from toy_study import PROJECT


@pytest.fixture
def checkout(tmp_path) -> Path:
    for name in ("Makefile", "check_setup.py", "pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


def make(checkout: Path, before: str, *variables: str) -> subprocess.CompletedProcess:
    """`make` with a Python that executes these statements first, and makes no real environment."""
    python = checkout / "python"
    statements = f"import sys, runpy\n{before}\nsys.argv.pop(0)\nrunpy.run_path(sys.argv[0], run_name='__main__')"
    body = f'case "$1" in *.py) exec {sys.executable} -c "{statements}" "$@";; esac\ntouch made\nexit 1\n'
    python.write_text(f"#!/bin/sh\n{body}")
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", *variables, ".venv/.installed"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("minor", [10, 11, 12, 13, 14])
def test_a_python_that_is_not_supported_is_refused_in_a_sentence(minor, checkout):
    said = make(checkout, f"sys.version_info = (3, {minor}, 0)").stderr
    allowed = re.search(r'requires-python = "(.*)"', (checkout / "pyproject.toml").read_text()).group(1)
    supported = f"3.{minor}" in SpecifierSet(allowed)
    assert (checkout / "made").exists() == supported
    assert (
        f" is Python 3.{minor}, not 3.11 to 3.13: name one, as in make PYTHON=python3.12 repro" in said
    ) != supported
    assert "Traceback" not in said


def test_a_python_without_venv_is_refused_in_a_sentence(checkout):
    said = make(checkout, "sys.modules['ensurepip'] = None").stderr
    assert not (checkout / "made").exists()
    assert "lacks its venv module: install it (Debian: python3-venv), or name another Python" in said


def test_a_disk_without_room_is_refused_unless_asked_not_to_look(checkout):
    full = "import shutil; shutil.disk_usage = lambda path: shutil._ntuple_diskusage(2**40, 2**40 - 2**30, 2**30)"
    said = make(checkout, full).stderr
    assert not (checkout / "made").exists()
    assert "error: the packages need 8 GiB, and 1.0 are free here: make room, or make ANY_DISK=1" in said
    make(checkout, full, "ANY_DISK=1")
    assert (checkout / "made").exists()


def test_an_environment_that_is_a_link_is_not_emptied(checkout):
    (other := checkout / "other").mkdir()
    (other / "package").touch()
    (checkout / ".venv").symlink_to(other)
    said = make(checkout, "").stderr
    assert not (checkout / "made").exists()
    assert f"error: .venv is a link, and {other} lacks these packages or is older than requirements.lock" in said
    assert (other / "package").exists()


@pytest.mark.parametrize("name", [".venv", ".runs", "data", "artifacts", "mlartifacts"])
def test_a_folder_that_is_a_link_to_another_disk_is_ignored_too(name, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    shutil.copy(PROJECT / ".gitignore", tmp_path)
    (tmp_path / name).symlink_to(tmp_path.parent)
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert seen == "?? .gitignore\n"
