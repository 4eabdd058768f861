"""One run to be scored, with everything that decides its scores."""

from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

import torch

from ganspeed.data.prepared import manifest_sha256
from ganspeed.errors import UserError
from ganspeed.networks.latents import Latents
from ganspeed.params.blocks import Evaluate
from ganspeed.params.networks import Networks, parse_networks
from ganspeed.params.problems import AnyProblem, parse_problem
from ganspeed.runs.integrity import file_problems
from ganspeed.runs.record import RunRecord
from ganspeed.scoring.features_record import read_features_record
from ganspeed.scoring.label import ScoreLabel
from ganspeed.scoring.sources import score_sources
from ganspeed.system.devices import device_name
from ganspeed.system.files import sha256_file, sha256_json
from ganspeed.types import RunFacts

REFERENCE_HASHES = tuple(f"{kind}{which}_sha256" for which in ("", "_second") for kind in ("classifier", "reference"))
LIBRARIES = ("numpy", "POT", "scikit-learn", "scipy")  # that metrics are computed with, beside torch
library_version = cache(metadata.version)  # looks for files at every call


@dataclass(frozen=True)
class ScoringInputs:
    """What all runs of one data set are scored with."""

    prepared: Path
    features: Path
    hashes: tuple[str, ...]  # of the classifiers, of the real images that they embedded, and of the data
    settings: Evaluate
    samples: int
    device: str
    classes: tuple[str, ...] | None = None  # that runs were trained on, and are scored against; None for all


@dataclass(frozen=True)
class Task:
    """One run to be scored, with everything that decides its scores."""

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
    sources: dict = field(default_factory=score_sources)  # of the process that planned the task

    @property
    def snapshots(self) -> dict[int, Path]:
        """Update → snapshot, ascending, as run.json lists them: the folder is never searched."""
        return {update: self.run / name for update, name in self.record.snapshots().items()}

    @cached_property
    def inputs(self) -> ScoringInputs:
        facts = read_features_record(self.features)
        hashes = (*(facts[name] for name in REFERENCE_HASHES), manifest_sha256(self.prepared))
        places = self.prepared, self.features
        return ScoringInputs(*places, hashes, self.settings, self.samples, self.device, self.classes)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Those that the run was trained on, by name; None for all."""
        names = self.record.data_block.get("classes")
        return None if names is None else tuple(names)

    @property
    def networks(self) -> Networks:
        """What the run's G is made of; raises UserError where run.json has other keys."""
        return parse_networks(self.record.networks_block)

    @property
    def latents(self) -> Latents:
        """What the run's G is fed."""
        return Latents(**self.record.latents)

    @property
    def problem(self) -> AnyProblem | None:
        """That of the data set, as the run was trained on it: the degraded images that G is fed."""
        return parse_problem(self.record.train_block.get("problem"))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the table of scores, and of nothing else."""
        networks = self.networks.model_dump(mode="json")
        return sha256_json(
            {
                "cell": [self.dataset, self.variant, self.seed],  # in every line of the table
                "snapshots": {str(u): self.record.files[name] for u, name in self.record.snapshots().items()},
                "network": {key: networks[key] for key in ("G", "range")} | self.record.latents,
                "real": self.inputs.hashes,
                "evaluate": [self.settings.model_dump(), self.samples],
                "sources": self.sources,
                "versions": {"torch": torch.__version__, **{name: library_version(name) for name in LIBRARIES}},
                "device": device_name(torch.device(self.device)),
            }
            | ({"classes": self.classes} if self.classes else {})
            | ({"problem": self.problem.model_dump()} if self.problem else {})
        )

    def verify(self) -> None:
        """Raises UserError for a snapshot that is missing or not the one that run.json lists."""
        names = self.record.snapshots().values()
        if problems := [line for name in names for line in file_problems(self.run / name, self.record.files[name])]:
            raise UserError("\n".join(problems))

    def label(self, table: Path) -> ScoreLabel:
        """The label of this run's table of scores."""
        evaluate = self.settings.model_dump(mode="json")
        facts = RunFacts.of(self.record)
        return ScoreLabel(
            sha256=sha256_file(table),
            run=facts,
            fingerprint=self.fingerprint,
            samples=self.samples,
            split=self.settings.split,
            evaluate=evaluate,
            metric_sha256=sha256_json(self.sources),
        )
