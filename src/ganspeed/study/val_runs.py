"""Runs outside the study's grid, of pilots and tuning: trained into the run cache, scored on val from there."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from ganspeed.data.prepared import class_numbers, manifest_sha256, read_manifest
from ganspeed.errors import UserError
from ganspeed.params.blocks import Evaluate, Params, networks_of
from ganspeed.params.datasets import Train
from ganspeed.params.network_checks import cell_mistakes
from ganspeed.params.variants import Variant
from ganspeed.runs.observers import ObserverFactory
from ganspeed.runs.spec import RunSpec, refuse_without_classes
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import train_all
from ganspeed.scoring.features_record import read_features_record
from ganspeed.scoring.sources import metric_sha256
from ganspeed.scoring.store import plan_task
from ganspeed.scoring.task import Task
from ganspeed.system.devices import device_name
from ganspeed.system.files import read_json, sha256_file, sha256_json
from ganspeed.training.snapshot_grid import COARSE_BELOW
from ganspeed.workspace import Workspace

VAL = "val"  # never the split that a study is scored on


@dataclass(frozen=True)
class ValRuns:
    """One data set and the device its runs are trained on; made once, so that the data is hashed once for all runs."""

    workspace: Workspace
    params: Params
    dataset: str
    device: torch.device

    @property
    def settings(self) -> Evaluate:
        """The block `evaluate`, on val."""
        return self.params.evaluate.model_copy(update={"split": VAL})

    def specs(
        self, name: str, variant: Variant, seeds: Iterable[int], train: Train, coarse_below: int = COARSE_BELOW
    ) -> list[RunSpec]:
        """The runs of one variant's block under a name of their own, whatever its seed_offset.

        Raises DataError if the data set is not prepared.
        """
        blocks, method, device = self.params.dataset(self.dataset), variant.method(), device_name(self.device)
        networks = networks_of(blocks, variant)
        chosen = class_numbers(self.workspace.prepared(self.dataset), blocks.data.classes)
        shared = (blocks.data, train, networks, method, *self._images, device, coarse_below, chosen)
        return [RunSpec(self.dataset, name, seed, 0, *shared) for seed in seeds]

    @cached_property
    def _images(self) -> tuple[str, tuple[int, int, int], int]:
        """(Hash of the manifest, shape of an image, number of classes)."""
        folder = self.workspace.prepared(self.dataset)
        manifest = read_manifest(folder)
        return manifest_sha256(folder), manifest.splits["train"].shape, len(manifest.classes)

    @cached_property
    def _features(self) -> str:
        """Hash of the features folder's own record, which holds its files' hashes."""
        return sha256_json(read_features_record(self.workspace.features(self.dataset)))

    def fingerprint(self, specs: list[RunSpec]) -> str:
        """SHA-256 of all that decides the scores of these runs, known before any of them is trained."""
        evaluate = [self.settings.model_dump(), self.params.dataset(self.dataset).evaluate.samples]
        scored_by = {"features": self._features, "evaluate": evaluate, "metrics": metric_sha256()}
        return sha256_json({"runs": [spec.fingerprint for spec in specs], **scored_by})

    def train(self, specs: list[RunSpec], make_observers: ObserverFactory) -> None:
        """Train the runs that are finished nowhere; the caller holds the store's lock."""
        store = RunStore(self.workspace)
        missing = [spec for spec in specs if store.finished(spec) is None]
        train_all(missing, self.workspace, self.device, make_observers)

    def task(self, spec: RunSpec, full_snapshots: int) -> Task:
        """A finished run, to be scored; `full_snapshots` snapshots besides the last get every metric."""
        folder = RunStore(self.workspace).finished(spec)
        if folder is None:
            raise RuntimeError(f"{RunStore(self.workspace).cache_folder(spec)}: trained just now, but not complete")
        task = plan_task(self.workspace, self.params, self.dataset, spec.variant, spec.seed, folder, self.device)
        return replace(task, settings=self.settings.model_copy(update={"full_snapshots": full_snapshots}))


def refuse_untrainable(workspace: Workspace, params: Params, dataset: str, variants: Iterable[str]) -> None:
    """Raises UserError for variants that cannot be trained on a data set: `ganspeed check` looks at the grid's alone.

    To be called before training; what only asks which runs there are, such as `ganspeed gc`, needs no such runs.
    """
    for variant in dict.fromkeys(variants):
        if mistakes := list(cell_mistakes(params, dataset, variant)):
            raise UserError("\n".join(mistakes))
        refuse_without_classes(workspace, params, dataset, variant)


def is_up_to_date(path: Path, fingerprint: str, table: Path) -> bool:
    """Whether the JSON file at `path` and the table whose `sha256` it has are there, undamaged and of `fingerprint`."""
    try:
        label = read_json(path)
        return (label["fingerprint"], label["sha256"]) == (fingerprint, sha256_file(table))
    except (FileNotFoundError, UserError, TypeError, KeyError):
        return False
