"""Which runs the params ask for."""

from dataclasses import dataclass
from functools import cached_property

import torch

from ganspeed.data.prepared import manifest_sha256, read_manifest
from ganspeed.params.blocks import Params
from ganspeed.runs.fingerprint import Identity, identity
from ganspeed.system.devices import device_name
from ganspeed.system.files import sha256_json
from ganspeed.training.engines.choose import choose_engine
from ganspeed.training.state import Recipe
from ganspeed.workspace import Workspace


@dataclass(frozen=True)
class RunSpec:
    """One run: a data set, a variant and a seed, with everything that decides its bytes."""

    dataset: str
    variant: str
    seed: int  # of the grid; it is trained with seed + seed_offset
    seed_offset: int
    parameters: dict  # the blocks data, train and variant, as plain values
    manifest_sha256: str
    shape: tuple[int, int, int]
    device: str

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.seed + self.seed_offset, self.parameters["train"], self.parameters["variant"], self.shape)

    @cached_property
    def engine(self) -> str:
        return choose_engine(self.parameters["train"], self.shape, self.device)

    @property
    def identity(self) -> Identity:
        seed = self.seed + self.seed_offset
        return identity(seed, self.parameters, self.manifest_sha256, self.device, self.engine)

    @cached_property
    def fingerprint(self) -> str:
        return sha256_json(self.identity)


def plan_runs(workspace: Workspace, params: Params, device: str, dataset: str, variant: str) -> list[RunSpec]:
    """The runs of one cell of the grid, by seed. Raises DataError when the data set is not prepared."""
    folder, block, recipe = workspace.prepared(dataset), params.dataset(dataset), params.variant(variant)
    manifest = read_manifest(folder)
    parameters = {
        "data": block.data.model_dump(mode="json"),
        "train": block.train.model_dump(mode="json"),
        "variant": recipe.resolved(),
    }
    shape, digest = manifest.splits["train"].shape, manifest_sha256(folder)
    return [
        RunSpec(dataset, variant, seed, recipe.seed_offset, parameters, digest, shape, device)
        for seed in params.compare.seeds
    ]


def all_specs(workspace: Workspace, params: Params, where: torch.device) -> list[RunSpec]:
    """Every run that the params ask for."""
    cells = [(d, v) for d in params.compare.datasets for v in params.compare.variants]
    return [spec for cell in cells for spec in plan_runs(workspace, params, device_name(where), *cell)]
