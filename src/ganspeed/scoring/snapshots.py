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
from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import Generator, load_generator
from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.embedder import EmbeddedSet, Embedder, embed_split, load_embedder
from ganspeed.scoring.metrics import all_metrics, distances
from ganspeed.scoring.pixel_metrics import References
from ganspeed.scoring.task import Task
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import generator, one_thread, reproducible
from ganspeed.system.files import sha256_file
from ganspeed.system.shutdown import requested

SCORE_COLUMNS = ("dataset", "variant", "seed", "update", "metric", "value")
SAMPLE_BATCH = 500  # images generated at a time: what they leave in between stays in a core's cache


def score(task: Task) -> str:
    """The tidy table of one run: both cfids of every snapshot, every metric of those that `fully_scored` names.

    Raises UserError for a snapshot that is damaged or not finite, and Stopped where that is wished.
    """
    retain_freed_blocks()
    reproducible()
    _verify(task)
    lines = [",".join(SCORE_COLUMNS)]
    full = fully_scored(list(task.snapshots), task.settings.full_snapshots)
    with one_thread():
        for update, path in task.snapshots.items():
            if requested():
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
    for name in task.record.snapshots().values():
        path, expected = task.run / name, task.record.files[name]
        if not path.exists():
            raise UserError(f"{path}: no such file, though run.json names it")
        if (seen := sha256_file(path)) != expected:
            raise UserError(f"{path}: its SHA-256 is {seen}; run.json says {expected}")


def _score_snapshot(task: Task, path: Path, full: bool) -> dict[str, float]:
    generated = embed_snapshot(task, path, full)
    real = _real_reference(task.prepared, task.features, task.settings, task.device, task.pinned)
    if full:
        return all_metrics(generated, real.view, real.near, task.settings)
    return distances(generated, real.view)


@torch.inference_mode()
def embed_snapshot(task: Task, path: Path, full: bool) -> EmbeddedSet:
    """The images that a snapshot makes of the z behind every score, as the metrics see them."""
    lens = _embedder(task.features, task.settings, task.device, task.pinned)
    z_dim, width = task.record.z_dim, task.record.width
    G = load_generator(path, lens.classifiers.first.architecture.shape, z_dim, width).to(task.device)
    z = _latents(task.settings.seed, task.samples, z_dim, task.device)
    return lens.view(_generated(G, z), full)


def _generated(G: Generator, z: Tensor) -> Iterator[Tensor]:
    """The images that G makes of z (N, z_dim), in batches."""
    suited = fast_convolutions(z.device)
    for part in z.split(SAMPLE_BATCH):
        with suited:
            images = G(part)
        yield images


@dataclass(frozen=True)
class RealReference:
    """What generated images are held against."""

    view: EmbeddedSet
    near: References


@lru_cache(maxsize=1)  # `pinned` is in the key alone: folders whose content changed are read anew
def _embedder(features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]) -> Embedder:
    return load_embedder(features, settings, device)


@lru_cache(maxsize=1)
def _real_reference(
    prepared: Path, features: Path, settings: Evaluate, device: str, pinned: tuple[str, ...]
) -> RealReference:
    (train, _), (held_out, _) = (load_split(prepared, split) for split in ("train", settings.split))
    view = embed_split(features, settings.split, held_out, _embedder(features, settings, device, pinned))
    return RealReference(view, pixel_metrics.references(train, held_out))


@lru_cache(maxsize=1)
def _latents(seed: int, samples: int, z_dim: int, device: str) -> Tensor:
    """z: (samples, z_dim), the same for every run."""
    return torch.randn(samples, z_dim, generator=generator("evaluate", seed)).to(device)
