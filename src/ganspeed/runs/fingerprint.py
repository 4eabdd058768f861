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
    parameters: dict[str, Any]  # the blocks data, train, networks and variant, and what G is fed
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
        sources=source_hashes(parameters, engine),
        versions={"torch": torch.__version__},
        device=device,
        precision=parameters["train"]["precision"],
        engine=engine,
    )


def source_hashes(parameters: dict[str, Any], engine: str) -> dict[str, str]:
    """File → SHA-256 of the sources that a run with these blocks and engine executes, as this process has them."""
    networks = parameters["networks"]
    bodies = (f"networks/generator_bodies/{networks['G']['body']}.py",
              f"networks/discriminator_bodies/{networks['D']['body']}.py")  # fmt: skip
    optimizers = (f"optimizers/{name}.py" for name in names_in(parameters["variant"]["optimizer"]))
    tricks = (f"tricks/{name}.py" for name in parameters["variant"].get("tricks", ()))
    loading = {"limit", "denoise"} & parameters.get("train", {}).keys() or "classes" in parameters.get("data", {})
    images = ("data/training_set.py",) if loading else ()  # else it loads a split as it is
    objective = f"objectives/{parameters['variant']['objective']}.py"
    return _source_hashes((objective, *bodies, *optimizers, *tricks, *images), engine)


@cache
def _source_hashes(of_blocks: tuple[str, ...], engine: str) -> dict[str, str]:
    names = [name for name in source_files.HASHES if OF_EVERY_RUN.fullmatch(name) and not name.endswith(NO_BYTES)]
    bases = [f"{folder}/__init__.py" for folder in ("objectives", "optimizers", "tricks")]
    names += [*bases, *of_blocks, "system/determinism.py"]
    if engine != EAGER:
        names += [f"training/engines/{name}.py" for name in ("functional", "tracing", "vmapped")]
    return {name: source_files.HASHES.get(name) for name in sorted(names)}
