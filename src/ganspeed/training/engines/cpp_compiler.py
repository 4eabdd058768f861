"""The C++ compiler that torch's inductor calls, tried before an engine relies on it. Imports no torch."""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from ganspeed.environment import variable

CACHE = "TORCHINDUCTOR_CACHE_DIR"  # where inductor writes machine code and loads it from
PROGRAM = "#include <cstddef>\n#include <omp.h>\n#include <Python.h>\nint probe() { return omp_get_max_threads(); }\n"
OPTIONS = "-std=c++20 -shared -fPIC -march=native -fopenmp"  # those of inductor's that a compiler may lack
LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
SECONDS = 60  # within which a program of four lines is compiled


class ProbeError(Exception):
    """Why there will be no machine code."""


@cache
def compiler() -> str | None:
    """First line of the version of the compiler: CXX, which may have arguments ("ccache g++"), or g++.

    None, with the reason on stderr, unless it makes a library of a program with Python's and OpenMP's headers, and that
    library can be loaded from where inductor keeps its own.
    """
    name = variable("CXX") or "g++"
    try:
        command = shlex.split(name)
        _try(command)
        return _output(*command, "--version").splitlines()[0]
    except (ProbeError, OSError, ValueError, IndexError) as error:
        text = f"no machine code, so that long runs are trained more slowly: CXX={name!r}: {error}"
        print(text, file=sys.stderr, flush=True)
        return None


def _try(command: list[str]) -> None:
    """Compile PROGRAM, and load it in a process of its own: torch must bring its OpenMP into this one."""
    parent = Path(variable(CACHE) or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="probe-", dir=parent) as folder:
        source, library = Path(folder, "probe.cpp"), Path(folder, "probe.so")
        source.write_text(PROGRAM, encoding="utf-8")
        headers = f"-I{sysconfig.get_path('include')}"
        _output(*command, str(source), *OPTIONS.split(), headers, "-o", str(library))
        _output(sys.executable, "-S", "-c", LOAD, str(library))


def _output(*command: str) -> str:
    """What a command prints. Raises ProbeError with the last line of its complaint."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {SECONDS} seconds") from None
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ProbeError(next((line for line in complaint if "error" in line), complaint[-1]))
    return done.stdout


def set_cache(folder: Path) -> None:
    """Have machine code stored in `folder`, unless the environment names another; an empty CXX is g++ for torch too.

    Inductor does not quote the paths that it passes to the compiler: for a folder that a shell would split, its own
    default in the system's temporary folder stays.
    """
    if variable("CXX") is None:
        os.environ.pop("CXX", None)
    if variable(CACHE) is None:
        os.environ.pop(CACHE, None)
        if shlex.quote(str(folder)) == str(folder):
            os.environ[CACHE] = str(folder)
