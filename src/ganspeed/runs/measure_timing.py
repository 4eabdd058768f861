"""Seconds per generator update and run of each variant alone on this machine, by the engine that trains it, and of G.

Where an engine computes several seeds as one update, each has its share of the time. Variants are interleaved, repeat
by repeat, so that a machine that slows down does so for all of them. The first updates of every repeat are not counted,
and the result is the median over repeats. No other run of the study is trained meanwhile.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.params.blocks import Params
from ganspeed.runs.fingerprint import source_hashes
from ganspeed.runs.images import training_images
from ganspeed.runs.spec import RunSpec, plan_runs
from ganspeed.runs.store import RunStore
from ganspeed.system.determinism import one_thread
from ganspeed.system.devices import device_name, select_device
from ganspeed.system.processes import map_processes
from ganspeed.training.checkpoints import Checkpoints
from ganspeed.training.draws import GENERATOR_STEP
from ganspeed.training.engines.choose import EAGER, lane_count
from ganspeed.training.engines.machine_code import machine_code_errors, with_machine_code
from ganspeed.training.loop import TrainingRun, one_update
from ganspeed.training.state import Recipe
from ganspeed.workspace import Workspace

WARM_UP = 5  # updates that are not counted: they allocate memory and load kernels
SAMPLES = 1000  # images of one timing of G
COST_KEYS = {"batch_size", "precision"}  # keys of `train` that an update's cost depends on
# Sources of a run that no update executes.
NOT_TIMED = ("training/sample_grids.py", "training/snapshot_grid.py", "training/snapshots.py")


class Seconds(NamedTuple):
    """What is measured of a variant."""

    update: float
    samples: float  # in which G makes SAMPLES images, one thread


def first_runs(workspace: Workspace, params: Params, dataset: str) -> dict[str, RunSpec]:
    """Variant → its first run in the grid, on this device. Raises DataError when the data set is not prepared."""
    device = device_name(select_device())
    return {variant: plan_runs(workspace, params, device, dataset, variant)[0] for variant in params.compare.variants}


def cost_identity(spec: RunSpec) -> dict:
    """What the cost of an update depends on, as plain values: variant, sizes of networks and batch, engine, sources."""
    sources = source_hashes(spec.parameters, spec.engine)
    return {
        "variant": spec.variant_block.resolved(),
        "networks": spec.networks.model_dump(mode="json"),
        "latents": spec.parameters["latents"],
        "batch": spec.train.model_dump(mode="json", include=COST_KEYS),
        "shape": spec.shape,
        "engine": spec.engine,
        "device": spec.device,
        "torch": torch.__version__,
        "sources": {name: digest for name, digest in sources.items() if name not in NOT_TIMED},
    }


def measure(specs: dict[str, RunSpec], workspace: Workspace, repeats: int, updates: int) -> dict[str, Seconds]:
    """Variant → seconds: per update of a run the median over `repeats` of the mean over `updates`, of samples theirs.

    specs: variant → a run, all of one data set.
    """

    def seconds(always_start: bool) -> dict[str, list[Seconds]]:
        ((_, found),) = map_processes(_measure, [(specs, workspace, repeats, updates)], 1, always_start=always_start)
        return found

    with RunStore(workspace).lock():  # no run of this study is trained meanwhile
        found = with_machine_code(seconds, workspace.machine_code)
    return {
        variant: Seconds(*(float(f"{median(times):.4g}") for times in zip(*repeated, strict=True)))
        for variant, repeated in found.items()
    }


def _measure(given: tuple[dict[str, RunSpec], Workspace, int, int]) -> dict[str, list[Seconds]]:
    """The arguments of `measure` → variant → seconds, in each repeat."""
    specs, workspace, repeats, updates = given
    found: dict[str, list[Seconds]] = {variant: [] for variant in specs}
    images, labels = training_images(next(iter(specs.values())), workspace, select_device())
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        # Once for all repeats: to trace an update takes longer than to time some.
        clocks = {name: _clock(spec, images, labels, Path(folder, name)) for name, spec in specs.items()}
        samplers = {name: _sampler(spec, images, labels, Path(folder, name)) for name, spec in specs.items()}
        for _ in range(repeats):
            for variant, seconds in clocks.items():
                seconds(WARM_UP)
                found[variant].append(Seconds(seconds(updates) / updates, samplers[variant]()))
    return found


def seconds_of(spec: RunSpec, images: Tensor, labels: Tensor, updates: int) -> float:
    """Seconds that `updates` updates of a new run take with one thread, after WARM_UP updates that are not counted."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        seconds = _clock(spec, images, labels, Path(folder))
        seconds(WARM_UP)
        return seconds(updates)


def _clock(spec: RunSpec, images: Tensor, labels: Tensor, folder: Path) -> Callable[[int], float]:
    """A function: number of updates of a new run → the seconds that they take."""
    update, lanes = fresh_update(spec.recipe, spec.engine, images, labels, folder)

    def seconds(count: int) -> float:
        with machine_code_errors(spec.engine):
            start = time.perf_counter()
            for _ in range(count):
                update()
            if images.device.type == "cuda":
                torch.cuda.synchronize(images.device)
            return (time.perf_counter() - start) / lanes

    return seconds


def _sampler(spec: RunSpec, images: Tensor, labels: Tensor, folder: Path) -> Callable[[], float]:
    """A function: the seconds in which G makes SAMPLES images, after as many that are not counted.

    They come in batches of the run's size, as they do in training: batches of any other are no part of the run.
    """
    run = new_run(spec.recipe, images, labels, folder)
    G, z = run.state.ema_generator.eval(), run.draws(1, GENERATOR_STEP).z
    whole, rest = divmod(SAMPLES, len(z))
    batches = [z] * whole + [z[:rest]] * (rest > 0)

    @torch.inference_mode()
    def seconds() -> float:
        for _ in ("not counted", "counted"):
            start = time.perf_counter()
            with fast_convolutions(images.device):
                for batch in batches:
                    G(batch)
            if images.device.type == "cuda":
                torch.cuda.synchronize(images.device)
        return time.perf_counter() - start

    return seconds


def new_run(recipe: Recipe, images: Tensor, labels: Tensor, folder: Path) -> TrainingRun:
    """A run at update 0 that goes on from no checkpoint and reports no row."""
    return TrainingRun(recipe, images, labels, folder, Checkpoints(folder / "none", {}), lambda row: None)


def fresh_update(
    recipe: Recipe, engine: str, images: Tensor, labels: Tensor, folder: Path
) -> tuple[Callable[[], None], int]:
    """A function that does one update of new runs by this engine, and how many runs that are.

    The runs have this recipe; their seeds are the recipe's own and those after it.
    """
    lanes = lane_count(engine)
    recipes = [replace(recipe, seed=recipe.seed + lane) for lane in range(lanes)]
    runs = [new_run(one, images, labels, folder / str(one.seed)) for one in recipes]
    if engine == EAGER:
        return partial(one_update, runs[0].state, runs[0].draws), lanes
    from ganspeed.training.engines.vmapped import Lanes  # the import takes a second, and the eager engine needs none

    return Lanes(runs, engine).one_update, lanes
