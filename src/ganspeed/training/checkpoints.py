"""Checkpoints of a run: written atomically, two generations, and only for the run that wrote them."""

import hashlib
import io
import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from ganspeed.errors import UserError
from ganspeed.system.files import write_atomically
from ganspeed.system.nested import dict_differences
from ganspeed.training.state import State

CHECKPOINTS_KEPT = 2  # generations: if the newest is damaged, the one before costs only a few updates


class CheckpointError(UserError):
    """A run that cannot resume from its checkpoints; it is never restarted from update 0 by itself."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run, in a folder of their own."""

    folder: Path
    identity: dict  # everything that decides the run's bytes, as plain values; see runs/fingerprint.Identity

    def save(self, update: int, state: dict) -> None:
        """Write the state after this update and remove all but the newest CHECKPOINTS_KEPT."""
        buffer = io.BytesIO()
        torch.save({"identity": self._plain_identity, "state": state}, buffer)
        content = buffer.getvalue()
        line = hashlib.sha256(content).hexdigest().encode() + b"\n"
        write_atomically(self.folder / f"{update:07}.pt", lambda temporary: temporary.write_bytes(line + content))
        for old in self._newest_first()[CHECKPOINTS_KEPT:]:
            old.unlink()

    def resume(self, state: State) -> None:
        """Continue from the newest undamaged checkpoint; without any the state stays as it is. Errors as in `load`."""
        if (saved := self.load(state.bad_update.device)) is not None:
            state.restore(saved)

    def load(self, device: torch.device) -> dict | None:
        """The newest undamaged state; None when there is no checkpoint.

        A damaged checkpoint is skipped with a line on stderr. Raises CheckpointError when all are damaged, and when
        one belongs to another run, naming what differs.
        """
        paths = self._newest_first()
        for path in paths:
            digest, _, content = path.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() != digest:
                print(f"{path}: damaged: its SHA-256 is not the one it was written with", file=sys.stderr, flush=True)
                continue
            try:
                saved = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            except pickle.UnpicklingError:
                raise CheckpointError(f"{path}: refused: not a checkpoint of tensors and plain values") from None
            if differing := dict_differences(saved["identity"], self._plain_identity):
                raise CheckpointError(f"{path}: of another run; {'; '.join(differing)}")
            return saved["state"]
        if paths:
            raise CheckpointError(
                f"{self.folder}: every checkpoint is damaged ({', '.join(path.name for path in paths)}), so the run "
                f"cannot resume; remove {self.folder.parent} to train it from the start"
            )
        return None

    def __bool__(self) -> bool:
        return bool(self._newest_first())

    @property
    def _plain_identity(self) -> dict:
        """The identity in JSON's types alone, as it is read back: torch's version is a class of its own."""
        return json.loads(json.dumps(self.identity))

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.pt"), reverse=True)
