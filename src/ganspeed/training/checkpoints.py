"""Checkpoints of a run: whole or not at all, two generations, and for the run that wrote them alone."""

import hashlib
import io
import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganspeed.errors import UserError
from ganspeed.system.files import write_atomically

CHECKPOINTS_KEPT = 2  # generations: should the newest be damaged, the one before costs a few updates and no more


class CheckpointError(UserError):
    """A run that cannot go on from its checkpoints; it is never begun again without being asked."""


@dataclass(frozen=True)
class Checkpoints:
    """Those of one run, in a folder of their own. `identity`: all that decides the run's bytes, as plain values."""

    folder: Path
    identity: dict

    def save(self, update: int, state: dict) -> None:
        """Write the state after this update and remove what is older than the generation before."""
        buffer = io.BytesIO()
        torch.save({"identity": self._plain_identity, "state": state}, buffer)
        content = buffer.getvalue()
        line = hashlib.sha256(content).hexdigest().encode() + b"\n"
        write_atomically(self.folder / f"{update:07}.pt", lambda temporary: temporary.write_bytes(line + content))
        for old in self._newest_first()[CHECKPOINTS_KEPT:]:
            old.unlink()

    def load(self, device: torch.device) -> dict | None:
        """The newest state that is whole; None where there is no checkpoint.

        A damaged one is passed over, saying so. Raises CheckpointError when all are damaged, and when one belongs to
        another run, naming what differs.
        """
        paths = self._newest_first()
        for path in paths:
            digest, _, content = path.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() != digest:
                print(f"{path}: damaged, its SHA-256 is not the one it was written with", file=sys.stderr, flush=True)
                continue
            try:
                saved = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            except pickle.UnpicklingError:
                raise CheckpointError(f"{path}: refused: it is no checkpoint of tensors and plain values") from None
            if differing := differences(saved["identity"], self._plain_identity):
                raise CheckpointError(f"{path}: of another run; {'; '.join(differing)}")
            return saved["state"]
        if paths:
            raise CheckpointError(
                f"{self.folder}: every checkpoint is damaged ({', '.join(path.name for path in paths)}), so that the "
                f"run cannot go on; remove {self.folder.parent} to train it from its start"
            )
        return None

    def __bool__(self) -> bool:
        return bool(self._newest_first())

    @property
    def _plain_identity(self) -> dict:
        """Of JSON's types alone, which are all that is read back: torch's version is a class of its own."""
        return json.loads(json.dumps(self.identity))

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.pt"), reverse=True)


def differences(there: Any, here: Any, path: str = "") -> list[str]:
    """What differs between two nested dicts of plain values: a dotted path with both values, for each."""
    if isinstance(there, dict) and isinstance(here, dict):
        found = []
        for key in sorted(there.keys() | here.keys()):
            inner = f"{path}.{key}" if path else key
            found += differences(there.get(key), here.get(key), inner)
        return found
    return [] if there == here else [f"{path}: {there!r} there, {here!r} here"]
