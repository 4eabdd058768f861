"""Machine code that cannot be made or loaded: recognised among other errors, and made anew.

Inductor stores compiled steps in a folder, and trusts what it finds there. A process that was killed while it wrote
leaves half a library behind, on which every later process would fail.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from ganspeed.errors import UserError
from ganspeed.training.engines.choose import COMPILED
from ganspeed.training.engines.cpp_compiler import CACHE, set_cache

T = TypeVar("T")
VECTOR_BITS = {"AVX2": 256, "AVX512": 512}  # torch's name of a CPU's instruction set → width of its vectors


class MachineCodeError(UserError):
    """A step could not be compiled, or its machine code could not be loaded."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the steps cannot be compiled, or their machine code cannot be loaded: {self.reason}; set CXX to another "
            "C++ compiler, or to `none` to train without machine code, which trains compiled runs again"
        )


@contextmanager
def machine_code_errors(engine: str) -> Iterator[None]:
    """Inside, what goes wrong with the machine code of a compiled engine is raised as MachineCodeError."""
    if not engine.startswith(COMPILED):
        yield
        return
    from torch._dynamo.exc import TorchDynamoException  # takes a second, and only compiled engines need it

    _check_instruction_set()
    try:
        yield
    except (TorchDynamoException, ImportError) as error:
        cause = getattr(error, "inner_exception", error)
        first_line = str(cause).strip().partition("\n")[0]
        raise MachineCodeError(f"{type(cause).__name__}: {first_line}") from None


def _check_instruction_set() -> None:
    """Inductor takes a smaller instruction set where its test of the larger one fails, if only by a damaged file.

    The bytes would then be others than those of the device in the fingerprint.
    """
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    capability = torch.backends.cpu.get_cpu_capability()
    if pick_vec_isa().bit_width() < VECTOR_BITS.get(capability, 0):
        raise MachineCodeError(f"a test program for {capability} failed")


def with_machine_code(work: Callable[[bool], T], folder: Path) -> T:
    """work(False), and if that fails on machine code, work(True), which must start new processes, with none there."""
    try:
        return work(False)
    except MachineCodeError as error:
        print(f"machine code is made anew: {error.reason}", file=sys.stderr, flush=True)
        _empty_cache(folder)
        return work(True)


def _empty_cache(folder: Path) -> None:
    """Empty inductor's cache if it is `folder`; a folder that the environment names may serve others, and is left.

    Processes that start from now on keep their machine code in `folder`.
    """
    if os.environ.pop(CACHE, None) == str(folder):
        shutil.rmtree(folder, ignore_errors=True)
    set_cache(folder)
    if CACHE not in os.environ:
        os.environ[CACHE] = tempfile.mkdtemp(prefix="machine-code-")
