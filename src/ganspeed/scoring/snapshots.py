"""The scores of a run: every snapshot's images as the metric classifier sees them, against held-out real ones."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ganspeed.data.prepared import load_split
from ganspeed.errors import Stopped, UserError
from ganspeed.networks.fast_convolutions import suited_to
from ganspeed.networks.generator import Generator, load_generator
from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.embedder import Lens, View, load_embedder, view_of_split
from ganspeed.scoring.metrics import all_metrics, distances
from ganspeed.scoring.pixel_metrics import References
from ganspeed.scoring.task import NETWORK, Task
from ganspeed.system.allocator import keep_freed
from ganspeed.system.determinism import generator, one_thread, reproducible
from ganspeed.system.files import sha256_file
from ganspeed.system.shutdown import wished

COLUMNS = ("dataset", "variant", "seed", "update", "metric", "value")
BATCH = 500  # images generated at a time: what they leave in between stays in a core's cache


def score(task: Task) -> str:
    """The tidy table of one run: both cfids of every snapshot, every metric of those that `fully_scored` names.

    Raises UserError for a snapshot that is damaged or not finite, and Stopped where that is wished.
    """
    keep_freed()
    reproducible()
    _verify(task)
    lines = [",".join(COLUMNS)]
    full = fully_scored(list(task.snapshots), task.settings.full_snapshots)
    with one_thread():
        for update, path in task.snapshots.items():
            if wished():
                raise Stopped
            for metric, value in _score_snapshot(task, path, update in full).items():
                if not math.isfinite(value):
                    raise UserError(f"{path}: {metric} is {value}; the snapshot's weights are not finite")
                lines.append(f"{task.dataset},{task.variant},{task.seed},{update},{metric},{value!r}")
    return "\n".join(lines) + "\n"


def fully_scored(updates: list[int], count: int) -> set[int]:
    """The last snapshot and `count` before it, evenly spread over the grid; update 0 is left out if others are there.

    updates: ascending. The grid is logarithmic, so that these are evenly spread over log updates where it is fine.
    Fewer than asked for where there are fewer snapshots.
    """
    last = len(updates) - 1
    return {updates[round(last * i / (count + 1))] for i in range(1, count + 2)} - ({0} if last else set())


def _verify(task: Task) -> None:
    for path in task.snapshots.values():
        expected = task.record["files"][f"snapshots/{path.name}"]
        if not path.exists():
            raise UserError(f"{path}: no such file, though run.json names it")
        if (seen := sha256_file(path)) != expected:
            raise UserError(f"{path}: its SHA-256 is {seen}; run.json says {expected}")


def _score_snapshot(task: Task, path: Path, full: bool) -> dict[str, float]:
    generated = view_snapshot(task, path, full)
    real = _real(task.prepared, task.features, task.settings, task.device, task.pinned)
    if full:
        return all_metrics(generated, real.view, real.near, task.settings)
    return distances(generated, real.view)


@torch.inference_mode()
def view_snapshot(task: Task, path: Path, full: bool) -> View:
    """The images that a snapshot makes of the z behind every score, as the metrics see them."""
    lens = _lens(task.features, task.settings, task.device, task.pinned)
    train = task.record["parameters"]["train"]
    network = (train[key] for key in NETWORK)
    G = load_generator(path, lens.classifiers.first.architecture.shape, *network).to(task.device)
    z = _latents(task.settings.seed, task.samples, train["z_dim"], task.device)
    return lens.view(_generated(G, z), full)


def _generated(G: Generator, z: Tensor) -> Iterator[Tensor]:
    """The images that G makes of z (N, z_dim), in batches."""
    suited = suited_to(z.device)
    for part in z.split(BATCH):
        with suited:
            images = G(part)
        yield images


@dataclass(frozen=True)
class Real:
    """What generated images are held against."""

    view: View
    near: References


@lru_cache(maxsize=1)  # `pinned` is in the key alone: folders whose content changed are read anew
def _lens(features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]) -> Lens:
    return load_embedder(features, settings, device)


@lru_cache(maxsize=1)
def _real(prepared: Path, features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]) -> Real:
    (train, _), (held_out, _) = (load_split(prepared, split) for split in ("train", settings.split))
    view = view_of_split(features, settings.split, held_out, _lens(features, settings, device, pinned))
    return Real(view, pixel_metrics.references(train, held_out))


@lru_cache(maxsize=1)
def _latents(seed: int, samples: int, z_dim: int, device: str) -> Tensor:
    """z: (samples, z_dim), the same for every run."""
    return torch.randn(samples, z_dim, generator=generator("evaluate", seed)).to(device)
