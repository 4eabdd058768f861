"""Which runs do the params ask for?"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import torch

from ganspeed.data.by_class import class_mistake
from ganspeed.data.pictures import DataError
from ganspeed.data.prepared import class_numbers, manifest_sha256, read_manifest
from ganspeed.params.blocks import Params
from ganspeed.params.datasets import AnyData, Train
from ganspeed.params.networks import Networks
from ganspeed.params.objectives import objective_declarations
from ganspeed.params.tricks import trick_declarations
from ganspeed.params.variants import Variant
from ganspeed.runs.fingerprint import Identity, identity
from ganspeed.system.devices import device_name
from ganspeed.system.files import sha256_json
from ganspeed.training.engines.choose import choose_engine
from ganspeed.training.snapshot_grid import COARSE_BELOW
from ganspeed.training.state import Recipe
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class RunSpec:
    """One run: a data set, a variant and a seed, with everything that decides its bytes."""

    dataset: str
    variant: str  # its name
    seed: int  # of the grid; the run is trained with seed + seed_offset
    seed_offset: int
    data: AnyData
    train: Train
    networks: Networks  # the data set's, with the keys that the variant overrides
    variant_block: Variant  # as Variant.method returns it
    manifest_sha256: str
    shape: tuple[int, int, int]  # of an image, (C, H, W)
    classes: int  # of the data set
    device: str
    coarse_below: int = COARSE_BELOW  # only a pilot's is another
    chosen: tuple[int, ...] = ()  # numbers of the classes that it is trained on; () for all

    @property
    def recipe(self) -> Recipe:
        seed, variant = self.seed + self.seed_offset, self.variant_block
        shown = self.coarse_below, self.chosen
        return Recipe(seed, self.train, self.networks, variant, self.shape, self.classes, *shown)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The blocks data, train, networks and variant, and what G is fed, as plain values, as run.json holds them."""
        train = self.train.model_dump(mode="json")
        if self.coarse_below != COARSE_BELOW:
            train["coarse_below"] = self.coarse_below
        return {
            "data": self.data.model_dump(mode="json"),
            "train": train,
            "networks": self.networks.model_dump(mode="json"),
            "latents": self.recipe.latents.plain(),
            "variant": self.variant_block.resolved(),
        }

    @cached_property
    def engine(self) -> str:
        variant = self.variant_block
        parts = objective_declarations(variant.objective), *map(trick_declarations, variant.used_tricks())
        return choose_engine(self.train, self.shape, self.device, all(part.traceable for part in parts))

    @cached_property
    def identity(self) -> Identity:
        """As the process has it that planned the run, in its workers too."""
        return identity(self.seed + self.seed_offset, self.parameters, self.manifest_sha256, self.device, self.engine)

    @cached_property
    def fingerprint(self) -> str:
        return sha256_json(self.identity)


def plan_runs(workspace: Workspace, params: Params, device: str, dataset: str, variant: str) -> list[RunSpec]:
    """The runs of one cell of the grid, by seed. Raises DataError as `refuse_without_classes` and `class_numbers`."""
    folder, blocks, method = workspace.prepared(dataset), params.dataset(dataset), params.variant(variant)
    refuse_without_classes(workspace, params, dataset, variant)
    manifest, networks = read_manifest(folder), params.networks(dataset, variant)
    images = manifest_sha256(folder), manifest.splits["train"].shape, len(manifest.classes)
    shared = (blocks.data, blocks.train, networks, method.method(), *images, device)
    chosen = class_numbers(folder, blocks.data.classes)
    return [
        RunSpec(dataset, variant, seed, method.seed_offset, *shared, chosen=chosen) for seed in params.compare.seeds
    ]


def refuse_without_classes(workspace: Workspace, params: Params, dataset: str, variant: str) -> None:
    """Raises DataError if the variant is trained by class, and the data set is not prepared or has no classes."""
    folder, mistake = workspace.prepared(dataset), class_mistake(params, dataset, variant)
    if mistake and not read_manifest(folder).classes:
        raise DataError(f"{mistake}, by {folder}")


def all_specs(workspace: Workspace, params: Params, device: torch.device) -> list[RunSpec]:
    """Every run of the grid."""
    cells = product(params.compare.datasets, params.compare.variants)
    return [spec for cell in cells for spec in plan_runs(workspace, params, device_name(device), *cell)]
