"""Machine code that a killed process left half written is made anew, once; what stays broken is told in a line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganspeed.training.engines.cpp_compiler import CACHE, compiler, set_cache
from ganspeed.training.engines.machine_code import MachineCodeError, with_machine_code

NEEDS_COMPILER = pytest.mark.skipif(
    compiler() is None, reason="without a C++ compiler and Python's headers nothing is compiled"
)
# A step of one operation, compiled in a process of its own, as in a worker.
STEP = """
import torch
from ganspeed.errors import UserError
from ganspeed.training.engines.machine_code import machine_code_errors
try:
    with machine_code_errors("compiled, 4 lanes, g++"):
        print(torch.compile(lambda x: x + 1)(torch.zeros(64)).sum().item())
except UserError as error:
    print(f"{error.reason}|{error}")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv(CACHE, raising=False)
    set_cache(tmp_path / "inductor")
    return tmp_path / "inductor"


def step() -> str:
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def cut_short(libraries: list[Path]) -> None:
    assert libraries
    for library in libraries:
        library.write_bytes(library.read_bytes()[:100])


@pytest.mark.slow
@NEEDS_COMPILER
def test_a_library_that_was_cut_short_is_noticed_and_all_are_made_anew(folder, capsys):
    """The library of a step; then those by which inductor finds out which instructions this CPU has."""

    def work(again: bool) -> str:
        said = step()
        if said != "64.0":
            raise MachineCodeError(said.split("|")[0])
        return f"{said} {again}"

    assert with_machine_code(work, folder) == "64.0 False"
    tried = [mark.with_suffix("") for mark in folder.rglob("*.load_ok")]
    cut_short([library for library in folder.rglob("*.so") if library not in tried])
    assert with_machine_code(work, folder) == "64.0 True"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("machine code is made anew: ImportError: ") and ".so: " in line

    for mark in list(folder.rglob("*.load_ok")):
        cut_short([mark.with_suffix("")])
        mark.unlink()
    assert with_machine_code(work, folder) == "64.0 True"
    assert "machine code is made anew: a test program for " in capsys.readouterr().err


@pytest.mark.slow
@NEEDS_COMPILER
def test_what_cannot_be_compiled_at_all_is_told_in_a_line_with_a_way_out(folder, monkeypatch, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exec g++ --version\nexit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    said = step()
    assert "\n" not in said
    assert said.endswith("or to `none` to train without machine code, which trains compiled runs again")


def test_the_second_failure_is_an_error_and_a_given_folder_is_left(folder, monkeypatch, tmp_path, capsys):
    def broken(again: bool) -> None:
        folders.append((again, os.environ[CACHE]))
        raise MachineCodeError("file too short")

    folders = []
    given = tmp_path / "given"
    for path in (folder, given):
        path.mkdir()
        (path / "library.so").touch()
    monkeypatch.setenv(CACHE, str(given))
    with pytest.raises(MachineCodeError, match="file too short; set CXX to another"):
        with_machine_code(broken, folder)
    assert folders == [(False, str(given)), (True, str(folder))]
    assert list(given.iterdir()) and list(folder.iterdir())
    with pytest.raises(MachineCodeError):
        with_machine_code(broken, folder)
    assert not folder.exists()
