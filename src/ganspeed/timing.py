"""The clock: seconds per generator update of each variant alone on this machine.

Variants are interleaved, repeat by repeat, so that a machine that grows slower does so for all of them; the first
updates of every repeat are left out, and the median over repeats is told. Never from a clock that ran while other runs
shared the machine. With no repeats the table is empty, and there is no axis of seconds.
"""

import time
from statistics import median

import torch
from torch import Tensor

from ganspeed import execute, runs, training
from ganspeed.features import one_thread
from ganspeed.files import read_json, sha256_json, write_json
from ganspeed.params import Params
from ganspeed.randomness import reproducible
from ganspeed.training import Recipe
from ganspeed.workspace import Workspace

WARM_UP = 5  # updates before the clock starts: memory is laid out, kernels are loaded
SHAPED_BY = ("batch_size", "z_dim", "width", "hidden")  # keys of `train` that an update's cost depends on
NO_PART = ("grid.py", "pictures.py")  # sources of a run that no update goes through


def keep_or_measure(workspace: Workspace, params: Params, dataset: str) -> bool:
    """Bring artifacts/timing/<dataset>.json in step with the params; returns whether the clock ran.

    It runs again when the network, the optimiser or the objective of a variant in the grid changed, and then for all of
    them: seconds of two days do not compare. Raises DataError when the data set is not prepared.
    """
    path, timing = workspace.timing(dataset), params.protocol.timing
    table = {"dataset": dataset, "repeats": timing.repeats, "updates": timing.updates}
    if timing.repeats == 0:
        write_json(path, {**table, "device": None, "seconds_per_update": {}, "fingerprints": {}})
        return False
    where = execute.device()
    table["device"] = execute.device_name(where)
    recipes = {v: runs.plan(workspace, params, table["device"], dataset, v)[0].recipe for v in params.compare.variants}
    fingerprints = {v: sha256_json([table, torch.__version__, made_of(recipe)]) for v, recipe in recipes.items()}
    old = read_json(path) if path.exists() else {"fingerprints": {}}
    measures = not fingerprints.items() <= old["fingerprints"].items()
    if measures:
        with runs.RunStore(workspace).lock():  # alone: no run of this study is trained meanwhile
            images, labels = execute.resident(workspace.prepared(dataset), where)
            found = measure(recipes, images, labels, timing.repeats, timing.updates)
    else:
        found = {variant: old["seconds_per_update"][variant] for variant in recipes}
    write_json(path, {**table, "seconds_per_update": found, "fingerprints": fingerprints})
    return measures


def made_of(recipe: Recipe) -> dict:
    """What an update's cost depends on: the variant's block, the network's sizes, and the code behind both."""
    sources = runs.source_hashes(recipe.variant["objective"])
    return {
        "variant": recipe.variant,
        "sizes": {key: recipe.train[key] for key in SHAPED_BY},
        "shape": recipe.shape,
        "sources": {name: digest for name, digest in sources.items() if name not in NO_PART},
    }


def measure(recipes: dict[str, Recipe], images: Tensor, labels: Tensor, repeats: int, updates: int) -> dict[str, float]:
    """Variant → seconds that one update takes: median over `repeats` of the mean of `updates`, on one thread or a GPU.

    images: (N, C, H, W) in [-1, 1], labels: (N,), both on the device that is timed.
    """
    found: dict[str, list[float]] = {variant: [] for variant in recipes}
    reproducible()  # as in training
    with one_thread():
        for _ in range(repeats):
            for variant, recipe in recipes.items():
                found[variant].append(seconds(recipe, images, labels, updates) / updates)
    return {variant: float(f"{median(times):.4g}") for variant, times in found.items()}


def seconds(recipe: Recipe, images: Tensor, labels: Tensor, updates: int) -> float:
    """Seconds that `updates` updates of a fresh run take, after WARM_UP others that are not counted."""
    state = training.new_state(recipe, images.device)
    draws = training.Draws(recipe.seed, recipe.train["batch_size"], recipe.train["z_dim"], images, labels)

    def clock(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            training.one_update(state, draws)
        _wait(images.device)
        return time.perf_counter() - start

    clock(WARM_UP)
    return clock(updates)


def _wait(device: torch.device) -> None:
    """Until the GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
