"""Shared pieces: one CPU thread, a tiny recipe, made-up digits-like images."""

import copy
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_study
from ruamel.yaml import YAML

from ganspeed.params.datasets import Train
from ganspeed.params.networks import Networks, merged, resolved
from ganspeed.params.presets import apply
from ganspeed.params.variants import parse_variant
from ganspeed.training.state import Recipe

SHIPPED = Path(apply.__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow ones first: side by side, file by file, the longest file must not be the last to start."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture(autouse=True)
def one_thread():
    """One thread, as every run is trained: sums then come in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_environment():
    """What a command sets for its processes is no part of the next test."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def shipped() -> dict:
    """The shipped variants and the quick preset as plain values; tests edit a copy of their own."""
    yaml = YAML(typ="safe")
    quick, variants = yaml.load(SHIPPED / "quick.yaml"), yaml.load(SHIPPED / "variants.yaml")
    rest = yaml.load(toy_study.REST)
    del variants["variants"]["iterative_replay"]  # it needs its recording beside params.yaml
    return {"compare": quick["compare"], "datasets": quick["datasets"], **variants, **rest}


@pytest.fixture
def document(shipped) -> dict:
    return copy.deepcopy(shipped)


@pytest.fixture
def other_disk(tmp_path) -> Iterator[Path]:
    """A folder on another file system than tmp_path."""
    disks = ("/dev/shm", "/tmp", "/var/tmp", str(Path.home()))
    disk = next(d for d in disks if os.path.isdir(d) and os.stat(d).st_dev != os.stat(tmp_path).st_dev)
    with tempfile.TemporaryDirectory(dir=disk) as folder:
        yield Path(folder)


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    """200 pictures (200, 1, 8, 8) in [-1, 1] of two kinds, with their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    pictures = rng.uniform(-1, -0.5, (200, 1, 8, 8))
    pictures[labels == 1, :, 2:6, 2:6] += 1.4
    return torch.tensor(pictures, dtype=torch.float32), torch.tensor(labels)


@pytest.fixture
def recipe(document):
    """A function: the recipe of a shipped variant on 8x8, narrow and short, with changes to both blocks."""

    def make(variant: str, seed: int = 0, updates: int = 12, train: dict | None = None, **changes) -> Recipe:
        small = document["datasets"]["digits"]["train"] | toy_study.TINY_TRAIN | {"ema_decay": 0.5}
        checked = Train.model_validate(small | (train or {})).model_copy(
            update={"updates": updates}
        )  # fewer than 12 too
        variant = parse_variant(document["variants"][variant] | changes)
        small = Networks.model_validate(toy_study.TINY_NETWORKS | {"D": {"width": 4, "hidden": 8}})
        networks = resolved(Networks.model_validate(merged(small, variant.networks or {})), 8)
        return Recipe(seed, checked, networks, variant.method(), (1, 8, 8), classes=2)

    return make
