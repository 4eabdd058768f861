"""What decides a run's bytes: its identity, of which the fingerprint is the hash. Imports no torch at its top."""

import re
from functools import cache
from typing import Any, TypedDict

from ganspeed import source_files
from ganspeed.params.optimizers import names_in
from ganspeed.training.engines.choose import EAGER

OF_EVERY_RUN = re.compile(r"(networks|training)/\w+\.py")
NO_BYTES = ("/__init__.py", "/checkpoints.py")  # files of networks/ and training/ that decide no byte of a run


class Identity(TypedDict):
    """Everything that decides a run's bytes, as plain values. The variant's name is no part of it."""

    seed: int  # that it is trained with
    parameters: dict[str, Any]  # the blocks data, train and variant
    manifest_sha256: str  # of the prepared data
    sources: dict[str, str]  # file → SHA-256
    versions: dict[str, str]  # package → version
    device: str
    precision: str
    engine: str


IDENTITY = tuple(Identity.__annotations__)


def identity(seed: int, parameters: dict[str, Any], manifest_sha256: str, device: str, engine: str) -> Identity:
    """The identity of a run that is trained here."""
    import torch  # takes a second, and to check finished runs IDENTITY is enough

    return Identity(
        seed=seed,
        parameters=parameters,
        manifest_sha256=manifest_sha256,
        sources=source_hashes(parameters["variant"]["objective"], names_in(parameters["variant"]["optimizer"]), engine),
        versions={"torch": torch.__version__},
        device=device,
        precision=parameters["train"]["precision"],
        engine=engine,
    )


@cache
def source_hashes(objective: str, optimizers: tuple[str, ...], engine: str) -> dict[str, str]:
    """File → SHA-256 of the sources that a run with these executes, as this process has them."""
    names = [name for name in source_files.HASHES if OF_EVERY_RUN.fullmatch(name) and not name.endswith(NO_BYTES)]
    names += ["objectives/__init__.py", f"objectives/{objective}.py", "system/determinism.py"]
    names += ["optimizers/__init__.py", *(f"optimizers/{name}.py" for name in optimizers)]
    if engine != EAGER:
        names += ["training/engines/functional.py", "training/engines/vmapped.py"]
    return {name: source_files.HASHES.get(name) for name in sorted(names)}
