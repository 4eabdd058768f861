"""Engines: ways of computing the same mathematics. Their bytes differ, so that a fingerprint names the run's engine.

`eager` is the loop of training.py, one run at a time. The others compute one or LANES seeds of a variant as one update,
vmapped and traced (lanes.py): `traced` runs the operations of the trace as they are, `compiled` as machine code of
torch's inductor. How far they may be apart: tests/training/engines/test_engines.py.

Which of them a run gets follows from its data set's blocks and the machine, so that all variants are computed alike;
never from seeds, workers, or work that is left.
"""

import math
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

EAGER, TRACED, COMPILED = "eager", "traced", "compiled"
LANES = 4  # seeds that one update computes where batches are small; a group with fewer is filled up

# Values of the real images in a batch. docs/architecture.md has the figures.
SMALL_BATCH = 32_768  # at most: several seeds at once are faster than one
LARGE_BATCH = 65_536  # at most: machine code of one seed is faster than the eager loop
# Values in as many batches as a run has updates. Shorter runs than these come one by one, in tuning, where lanes would
# be filled for nothing.
WORTH_TRACING = 3e6
WORTH_COMPILING = 1.2e7
WORTH_COMPILING_ALONE = 2e8


def choose_engine(train: dict, shape: tuple[int, int, int], device: str) -> str:
    """The engine's name, with all of it that decides bytes. `device`: as in a fingerprint, "cpu ..." or a GPU model."""
    batch = train["batch_size"] * math.prod(shape)
    shown = batch * train["updates"]
    if train["precision"] != "float32" or not device.startswith("cpu") or batch > LARGE_BATCH or shown < WORTH_TRACING:
        return EAGER
    if batch > SMALL_BATCH:
        compiles = shown >= WORTH_COMPILING_ALONE and compiler()
        return f"{COMPILED}, 1 lane, {compiler()}" if compiles else EAGER
    if shown >= WORTH_COMPILING and compiler():
        return f"{COMPILED}, {LANES} lanes, {compiler()}"
    return f"{TRACED}, {LANES} lanes"


def lane_count(engine: str) -> int:
    """How many seeds of a variant one update computes."""
    return 1 if engine == EAGER else int(engine.split()[1])


@cache
def compiler() -> str | None:
    """Version of the C++ compiler that inductor will call; None, said once, where it or Python's headers lack."""
    name = os.environ.get("CXX", "g++")
    if shutil.which(name) and (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return subprocess.run([name, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    text = "no C++ compiler with Python's headers found: long runs that it would speed up are trained without"
    print(text, file=sys.stderr, flush=True)
    return None
