"""One run to be scored, with all that decides its scores."""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

import torch

from ganspeed.data.prepared import manifest_sha256
from ganspeed.params.blocks import Evaluate
from ganspeed.runs.record import RunRecord
from ganspeed.scoring.classifier import verified
from ganspeed.scoring.sources import score_sources
from ganspeed.system.devices import device_name
from ganspeed.system.files import sha256_file, sha256_json

REFERENCE_HASHES = tuple(f"{kind}{which}_sha256" for which in ("", "_second") for kind in ("classifier", "reference"))
LIBRARIES = ("numpy", "POT", "scikit-learn", "scipy")  # that metrics are computed with, beside torch
library_version = cache(metadata.version)  # looks for files at every call


@dataclass(frozen=True)
class Task:
    """One run to be scored, with all that decides its scores."""

    dataset: str
    variant: str
    seed: int
    run: Path
    record: RunRecord
    prepared: Path
    features: Path
    settings: Evaluate
    samples: int
    device: str

    @property
    def snapshots(self) -> dict[int, Path]:
        """Update → snapshot, ascending, as run.json lists them: the folder is never searched."""
        return {update: self.run / name for update, name in self.record.snapshots().items()}

    @cached_property
    def pinned(self) -> tuple[str, ...]:
        """Hashes of the classifiers, of the real images as they see them, and of the data: they pin both folders."""
        facts = verified(self.features)
        return (*(facts[name] for name in REFERENCE_HASHES), manifest_sha256(self.prepared))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the table of scores, and of nothing else."""
        return sha256_json(
            {
                "cell": [self.dataset, self.variant, self.seed],  # they stand in every line of the table
                "snapshots": {str(u): self.record.files[name] for u, name in self.record.snapshots().items()},
                "network": {"z_dim": self.record.z_dim, "width": self.record.width},
                "real": self.pinned,
                "evaluate": [self.settings.model_dump(), self.samples],
                "sources": score_sources(),
                "versions": {"torch": torch.__version__, **{name: library_version(name) for name in LIBRARIES}},
                "device": device_name(torch.device(self.device)),
            }
        )

    def label(self, table: Path) -> dict:
        """What lies beside the table: its fingerprint and hash, and what compare has to know of the run."""
        record = self.record
        return {
            "fingerprint": self.fingerprint,
            "sha256": sha256_file(table),
            "samples": self.samples,
            "split": self.settings.split,
            "evaluate": self.settings.model_dump(mode="json"),
            "run": {
                "fingerprint": record.fingerprint,
                "status": record.status,
                "diverged_at": record.diverged_at,
                "device": record.device,
                "engine": record.engine,
                "precision": record.precision,
                "versions": record.versions,
                "updates": record.updates,
                "batch_size": record.batch_size,
                "grid_ratio": record.grid_ratio,
                "n_critic": record.n_critic,
                "variant": record.variant_block,
            },
        }
