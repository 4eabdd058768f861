"""Engines: ways of computing the same mathematics. Their bytes differ, so a fingerprint holds the run's engine.

`eager` is training/loop.py, one run at a time. The others compute one or LANES seeds of a variant as one update,
vmapped and traced (vmapped.py): `traced` executes the traced operations as they are, `compiled` as machine code of
torch's inductor. tests/training/engines/test_engines.py bounds their differences.

A run's engine follows from its data set's blocks and the machine, so that all variants are computed alike, unless an
objective or a trick declares that it cannot be traced; never from seeds, workers, or the number of missing runs.
Imports no torch.
"""

import math

from ganspeed.params.datasets import Train
from ganspeed.training.engines.cpp_compiler import compiler

EAGER, TRACED, COMPILED = "eager", "traced", "compiled"
LANES = 4  # seeds that one update computes where batches are small; a smaller group is padded with copies

# Values of the real images in a batch. docs/architecture.md has the figures.
SMALL_BATCH = 32_768  # at most: several seeds at once are faster than one
LARGE_BATCH = 65_536  # at most: machine code of one seed is faster than the eager loop
# Values of the real images in all batches of a run. Shorter runs come one by one, in tuning: lanes would be copies.
WORTH_TRACING = 3e6
WORTH_COMPILING = 1.2e7
WORTH_COMPILING_ALONE = 2e8


def choose_engine(train: Train, shape: tuple[int, int, int], device: str, is_traceable: bool = True) -> str:
    """The engine's name, with all of it that decides bytes. device: as in a fingerprint, "cpu ..." or a GPU model.

    is_traceable: whether the objective and all tricks declare that they are.
    """
    batch = train.batch_size * math.prod(shape)
    total = batch * train.updates
    if (
        not is_traceable
        or train.precision != "float32"
        or not device.startswith("cpu")
        or batch > LARGE_BATCH
        or total < WORTH_TRACING
    ):
        return EAGER
    if batch > SMALL_BATCH:
        compiles = total >= WORTH_COMPILING_ALONE and compiler()
        return f"{COMPILED}, 1 lane, {compiler()}" if compiles else EAGER
    if total >= WORTH_COMPILING and compiler():
        return f"{COMPILED}, {LANES} lanes, {compiler()}"
    return f"{TRACED}, {LANES} lanes"


def lane_count(engine: str) -> int:
    """How many seeds of a variant one update computes."""
    return 1 if engine == EAGER else int(engine.split()[1])
