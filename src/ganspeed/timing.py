"""The clock: seconds per generator update and run of each variant alone on this machine, by the engine that trained it.

Where an engine computes several seeds as one update, each has its share of the time.
Variants are interleaved, repeat by repeat, so that a machine that grows slower does so for all of them; the first
updates of every repeat are left out, and the median over repeats is told. Never from a clock that ran while other runs
shared the machine. With no repeats the table is empty, and there is no axis of seconds.
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

from ganspeed import engines, execute, runs
from ganspeed.checkpoints import Checkpoints
from ganspeed.features import one_thread
from ganspeed.files import read_json, sha256_json, write_json
from ganspeed.params import Params
from ganspeed.runs import RunSpec
from ganspeed.training import Recipe, Run, one_update
from ganspeed.workspace import Workspace

WARM_UP = 5  # updates before the clock starts: memory is laid out, kernels are loaded
SHAPED_BY = ("batch_size", "z_dim", "width", "hidden", "precision")  # keys of `train` that an update's cost depends on
NO_PART = ("grid.py", "pictures.py")  # sources of a run that no update goes through


def keep_or_measure(workspace: Workspace, params: Params, dataset: str) -> bool:
    """Bring artifacts/timing/<dataset>.json in step with the params; returns whether the clock ran.

    It runs again when the network, the optimiser, the objective or the engine of a variant in the grid changed, and
    then for all of them: seconds of two days do not compare. Raises DataError when the data set is not prepared.
    """
    path, timing = workspace.timing(dataset), params.protocol.timing
    table = {"dataset": dataset, "repeats": timing.repeats, "updates": timing.updates}
    if timing.repeats == 0:
        write_json(path, {**table, "device": None, "seconds_per_update": {}, "fingerprints": {}})
        return False
    where = execute.device()
    table["device"] = execute.device_name(where)
    specs = {v: runs.plan(workspace, params, table["device"], dataset, v)[0] for v in params.compare.variants}
    fingerprints = {v: sha256_json([table, torch.__version__, made_of(spec)]) for v, spec in specs.items()}
    old = read_json(path) if path.exists() else {"fingerprints": {}}
    measures = not fingerprints.items() <= old["fingerprints"].items()
    if measures:
        with runs.RunStore(workspace).lock():  # alone: no run of this study is trained meanwhile
            images, labels = execute.resident(workspace.prepared(dataset), where)
            found = measure(specs, images, labels, timing.repeats, timing.updates)
    else:
        found = {variant: old["seconds_per_update"][variant] for variant in specs}
    write_json(path, {**table, "seconds_per_update": found, "fingerprints": fingerprints})
    return measures


def made_of(spec: RunSpec) -> dict:
    """What an update's cost depends on: the variant's block, the network's sizes, the engine, and the code behind."""
    train, variant = spec.parameters["train"], spec.parameters["variant"]
    sources = runs.source_hashes(variant["objective"], spec.engine)
    return {
        "variant": variant,
        "sizes": {key: train[key] for key in SHAPED_BY},
        "shape": spec.shape,
        "engine": spec.engine,
        "sources": {name: digest for name, digest in sources.items() if name not in NO_PART},
    }


def measure(specs: dict[str, RunSpec], images: Tensor, labels: Tensor, repeats: int, updates: int) -> dict[str, float]:
    """Variant → seconds that an update of a run takes: median over `repeats` of the mean of `updates`.

    images: (N, C, H, W) in [-1, 1], labels: (N,), both on the device that is timed.
    """
    found: dict[str, list[float]] = {variant: [] for variant in specs}
    for _ in range(repeats):
        for variant, spec in specs.items():
            found[variant].append(seconds(spec, images, labels, updates) / updates)
    return {variant: float(f"{median(times):.4g}") for variant, times in found.items()}


def seconds(spec: RunSpec, images: Tensor, labels: Tensor, updates: int) -> float:
    """Seconds that `updates` updates of a fresh run take, one thread, after WARM_UP others that are not counted."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        update, at_once = fresh(spec.recipe, spec.engine, images, labels, Path(folder))

        def clock(count: int) -> float:
            start = time.perf_counter()
            for _ in range(count):
                update()
            _wait(images.device)
            return time.perf_counter() - start

        clock(WARM_UP)
        return clock(updates) / at_once


def fresh(recipe: Recipe, engine: str, images: Tensor, labels: Tensor, folder: Path) -> tuple[Callable[[], None], int]:
    """One update of fresh runs by this engine, of this recipe and with the seeds after its own; of how many at once."""
    at_once = engines.at_once(engine)
    made = [
        Run(again, images, labels, folder / str(again.seed), Checkpoints(folder / "none", {}), lambda row: None)
        for again in (replace(recipe, seed=recipe.seed + lane) for lane in range(at_once))
    ]
    if engine == engines.EAGER:
        return partial(one_update, made[0].state, made[0].draws), at_once
    from ganspeed.engines.lanes import Lanes  # takes a second, and only who traces needs it

    return Lanes(made, engine).one_update, at_once


def _wait(device: torch.device) -> None:
    """Until the GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
