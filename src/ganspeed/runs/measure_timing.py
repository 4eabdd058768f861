"""Seconds per generator update and run of each variant alone on this machine, by the engine that trained it.

Where an engine computes several seeds as one update, each has its share of the time.
Variants are interleaved, repeat by repeat, so that a machine that grows slower does so for all of them; the first
updates of every repeat are left out, and the median over repeats is told. Never from a clock that ran while other runs
shared the machine.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from ganspeed.params.blocks import Params
from ganspeed.runs.fingerprint import source_hashes
from ganspeed.runs.spec import RunSpec, plan_runs
from ganspeed.runs.store import RunStore
from ganspeed.runs.train import training_images
from ganspeed.system.determinism import one_thread
from ganspeed.system.devices import device_name, select_device
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.engines.choose import EAGER, lane_count
from ganspeed.training.loop import TrainingRun, one_update
from ganspeed.training.state import Recipe
from ganspeed.workspace import Workspace

WARM_UP = 5  # updates before the clock starts: memory is laid out, kernels are loaded
COST_KEYS = ("batch_size", "z_dim", "width", "hidden", "precision")  # keys of `train` that an update's cost depends on
NOT_TIMED = (
    "training/sample_grids.py",
    "training/snapshot_grid.py",
    "training/snapshots.py",
)  # sources of a run that no update goes through


def first_runs(workspace: Workspace, params: Params, dataset: str) -> dict[str, RunSpec]:
    """Variant of the grid → a run of it, on this device. Raises DataError when the data set is not prepared."""
    device = device_name(select_device())
    return {variant: plan_runs(workspace, params, device, dataset, variant)[0] for variant in params.compare.variants}


def cost_identity(spec: RunSpec) -> dict:
    """What the cost of an update depends on: the variant's block, the network's sizes, engine and device, the code."""
    train, variant = spec.parameters["train"], spec.parameters["variant"]
    sources = source_hashes(variant["objective"], spec.engine)
    return {
        "variant": variant,
        "sizes": {key: train[key] for key in COST_KEYS},
        "shape": spec.shape,
        "engine": spec.engine,
        "device": spec.device,
        "torch": torch.__version__,
        "sources": {name: digest for name, digest in sources.items() if name not in NOT_TIMED},
    }


def measure(specs: dict[str, RunSpec], workspace: Workspace, repeats: int, updates: int) -> dict[str, float]:
    """Variant → seconds that an update of a run takes: median over `repeats` of the mean of `updates`.

    specs: runs of one data set.
    """
    found: dict[str, list[float]] = {variant: [] for variant in specs}
    (dataset,) = {spec.dataset for spec in specs.values()}
    with RunStore(workspace).lock():  # alone: no run of this study is trained meanwhile
        images, labels = training_images(workspace.prepared(dataset), select_device())
        for _ in range(repeats):
            for variant, spec in specs.items():
                found[variant].append(seconds_of(spec, images, labels, updates) / updates)
    return {variant: float(f"{median(times):.4g}") for variant, times in found.items()}


def seconds_of(spec: RunSpec, images: Tensor, labels: Tensor, updates: int) -> float:
    """Seconds that `updates` updates of a fresh run take, one thread, after WARM_UP others that are not counted."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        update, at_once = fresh_update(spec.recipe, spec.engine, images, labels, Path(folder))

        def clock(count: int) -> float:
            start = time.perf_counter()
            for _ in range(count):
                update()
            _wait(images.device)
            return time.perf_counter() - start

        clock(WARM_UP)
        return clock(updates) / at_once


def fresh_update(
    recipe: Recipe, engine: str, images: Tensor, labels: Tensor, folder: Path
) -> tuple[Callable[[], None], int]:
    """One update of fresh runs by this engine, of this recipe and with the seeds after its own; of how many at once."""
    at_once = lane_count(engine)
    made = [
        TrainingRun(again, images, labels, folder / str(again.seed), Checkpoints(folder / "none", {}), lambda row: None)
        for again in (replace(recipe, seed=recipe.seed + lane) for lane in range(at_once))
    ]
    if engine == EAGER:
        return partial(one_update, made[0].state, made[0].draws), at_once
    from ganspeed.training.engines.vmapped import Lanes  # takes a second, and only who traces needs it

    return Lanes(made, engine).one_update, at_once


def _wait(device: torch.device) -> None:
    """Until the GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
