"""The C++ compiler is tried as it will be used: what fails later costs speed from the start, and is said once."""

import os
import subprocess
from pathlib import Path

import pytest

from ganspeed.training.engines import cpp_compiler
from ganspeed.training.engines.cpp_compiler import CACHE, compiler, set_cache

NEEDS_COMPILER = pytest.mark.skipif(
    compiler() is None, reason="without a C++ compiler and Python's headers there is nothing to tell apart"
)
PREFIX = "no machine code, so that long runs are trained more slowly: CXX="


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """A function: what `compiler` says with this CXX, asked twice."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    compiler.cache_clear()

    def ask(name: str) -> str | None:
        monkeypatch.setenv("CXX", name)
        first = compiler()
        assert compiler() == first
        assert list((tmp_path / "cache").glob("*")) == []
        return first

    yield ask
    compiler.cache_clear()


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


# What a compiler does when it is not asked for its version.
BROKEN = {
    "fails": ("echo 'cc1plus: fatal error: no room' >&2; exit 1", "cc1plus: fatal error: no room"),
    "fails silently": ("exit 3", "exit status 3"),
    "writes nothing": ("exit 0", "cannot open shared object file"),
    "writes half a library": ('for o; do :; done; printf "\\177ELF" > "$o"', "file too short"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_one_that_tells_its_version_and_cannot_compile_is_none(how, answer, tmp_path, capsys):
    body, reason = BROKEN[how]
    name = script(tmp_path / "broken-g++", f'[ "$1" = --version ] && echo "g++ 1.2.3" && exit 0\n{body}')
    assert answer(name) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{PREFIX}{name!r}: ") and reason in line


@pytest.mark.parametrize("name", ["none", "false", "true", "g++ '", "/"])
def test_whatever_is_no_compiler_is_told_in_a_line(name, answer, capsys):
    assert answer(name) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(PREFIX)


@NEEDS_COMPILER
def test_a_compiler_with_arguments_is_understood_and_an_empty_name_is_gcc(answer, capsys):
    plain = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    found = []
    for name in ("g++", "env LC_ALL=C g++", ""):
        compiler.cache_clear()
        found.append(answer(name))
    assert found == [plain] * 3
    assert capsys.readouterr().err == ""


@NEEDS_COMPILER
def test_without_pythons_headers_there_is_no_machine_code(answer, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cpp_compiler.sysconfig, "get_path", lambda name: str(tmp_path))
    assert answer("g++") is None
    assert "Python.h" in capsys.readouterr().err


@NEEDS_COMPILER
def test_a_cache_that_cannot_be_written_is_no_place_for_machine_code(answer, monkeypatch, capsys):
    monkeypatch.setenv(CACHE, "/dev/null/cache")
    compiler.cache_clear()
    assert compiler() is None
    assert "/dev/null" in capsys.readouterr().err


def test_machine_code_is_kept_in_the_study_or_where_the_environment_says(monkeypatch, tmp_path):
    def kept(folder: Path, given: str | None) -> str | None:
        monkeypatch.delenv(CACHE, raising=False)
        if given is not None:
            monkeypatch.setenv(CACHE, given)
        set_cache(folder)
        return os.environ.get(CACHE)

    own = Path("/study/.runs/inductor")
    assert kept(own, None) == kept(own, "") == str(own)
    assert kept(own, "/other") == "/other"
    assert kept(Path("/my study/.runs/inductor"), None) is None  # inductor quotes no paths
