"""run.json, the record of a finished run: the only module that reads and writes it. Imports no torch."""

from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import StrictInt, TypeAdapter, ValidationError

from ganspeed.errors import UserError
from ganspeed.runs.fingerprint import IDENTITY
from ganspeed.system.files import read_json, write_json

RUN_JSON = "run.json"  # the last file that a run writes: a run that has it is finished
WEIGHTS_JSON = "weights.json"  # how many weights G and D have; runs of older versions lack it


@dataclass(frozen=True)
class RunRecord:
    """A finished run: how it ended, its files, and all that decided its bytes. No clock and no commit."""

    dataset: str
    variant: str
    status: Literal["completed", "diverged"]
    diverged_at: StrictInt | None  # the update at which a value was not finite; None for a completed run
    fingerprint: str  # SHA-256 of `identity`
    files: dict[str, str]  # path below the run's folder → SHA-256
    seed: StrictInt  # of the training: the grid's plus the variant's seed_offset
    parameters: dict[str, dict[str, Any]]  # data, train, networks, latents and variant, as plain values
    manifest_sha256: str  # of the prepared data
    sources: dict[str, str]  # source file → SHA-256
    versions: dict[str, str]
    device: str
    precision: str
    engine: str

    def __post_init__(self):
        if (self.status == "diverged") != (self.diverged_at is not None):
            raise ValueError(f"status {self.status!r} with diverged_at {self.diverged_at}")

    @property
    def identity(self) -> dict[str, Any]:
        """All that decided the run's bytes; see `fingerprint.Identity`."""
        return {key: getattr(self, key) for key in IDENTITY}

    data_block = property(lambda self: block_of(self, "data"))
    train_block = property(lambda self: block_of(self, "train"))
    variant_block = property(lambda self: block_of(self, "variant"))
    objective = property(lambda self: self.variant_block["objective"])
    n_critic = property(lambda self: self.variant_block["n_critic"])
    updates = property(lambda self: self.train_block["updates"])
    batch_size = property(lambda self: self.train_block["batch_size"])
    grid_ratio = property(lambda self: self.train_block["grid_ratio"])
    networks_block = property(lambda self: block_of(self, "networks"))
    latents = property(lambda self: block_of(self, "latents"))  # what G is fed: see networks.latents.Latents

    def snapshots(self) -> dict[int, str]:
        """Update → snapshot, a key of `files`; ascending."""
        return self._files_by_update("snapshots", ".safetensors")

    def samples(self) -> dict[int, str]:
        """Update → sample grid at fixed z, a key of `files`; ascending."""
        return self._files_by_update("samples", ".png")

    def _files_by_update(self, folder: str, suffix: str) -> dict[int, str]:
        paths = [PurePosixPath(name) for name in self.files]
        found = {int(path.stem): str(path) for path in paths if (str(path.parent), path.suffix) == (folder, suffix)}
        return dict(sorted(found.items()))


def block_of(run: Any, name: str) -> dict[str, Any]:
    """A block of the parameters of a run: a RunRecord, or what has its names. Raises UserError where it has none."""
    if name not in run.parameters:
        raise UserError(
            f"run {run.variant}, seed {run.seed}, on {run.dataset}: its record has no block {name!r}, being one of "
            "another version; train the run again"
        )
    return run.parameters[name]


RECORD = TypeAdapter(RunRecord)
WEIGHTS = TypeAdapter(dict[str, StrictInt])


def read_record(folder: Path) -> RunRecord:
    """The record of the finished run in this folder. Raises UserError when run.json is missing or damaged."""
    path = folder / RUN_JSON
    try:
        return RECORD.validate_python(read_json(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "run.json"
        raise UserError(f"{path}: damaged: {key}: {first['msg']}") from None


def read_weights(folder: Path, record: RunRecord) -> dict[str, int] | None:
    """G and D → number of weights, of the run in this folder; None where it was not counted."""
    return WEIGHTS.validate_python(read_json(folder / WEIGHTS_JSON)) if WEIGHTS_JSON in record.files else None


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json: with it the run is finished."""
    write_json(folder / RUN_JSON, asdict(record))
