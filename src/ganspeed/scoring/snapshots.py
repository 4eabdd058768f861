"""The scores of a run: images of every snapshot's generator against held-out real ones."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ganspeed.data.prepared import class_numbers, load_split
from ganspeed.errors import Stopped, UserError
from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import Generator, load_generator
from ganspeed.networks.problems import degraded
from ganspeed.scoring.asked_metrics import Asked
from ganspeed.scoring.compute_metrics import (
    RealReference,
    compute_metrics,
    needs_classes,
    needs_pixels,
    needs_targets,
    real_reference,
)
from ganspeed.scoring.embedder import Embedder, embed_split, load_embedder
from ganspeed.scoring.task import ScoringInputs, Task
from ganspeed.system.allocator import retain_freed_blocks
from ganspeed.system.determinism import generator, one_thread, reproducible
from ganspeed.system.shutdown import requested

SCORE_COLUMNS = ("dataset", "variant", "seed", "update", "metric", "value")
SAMPLE_BATCH = 500  # images generated at a time: their activations stay in a core's cache


def score(task: Task) -> str:
    """The tidy table of one run: all metrics of the snapshots that `fully_scored` returns, of others the quick ones.

    Raises UserError for a snapshot that is damaged or not finite, and Stopped after a shutdown was requested.
    """
    retain_freed_blocks()
    reproducible()
    task.verify()
    lines = [",".join(SCORE_COLUMNS)]
    full = fully_scored(list(task.snapshots), task.settings.full_snapshots)
    with one_thread():
        scorer = load_scorer(task.inputs)
        z, network = scorer.z(task), (task.networks, scorer.shape, task.latents.size)
        asked = Asked.of(z, task.latents, scorer.pictured(task) if task.problem else None)
        for update, path in task.snapshots.items():
            if requested():
                raise Stopped
            for metric, value in scorer.score(load_generator(path, *network), z, update in full, asked).items():
                if not math.isfinite(value):
                    raise UserError(f"{path}: {metric} is {value}; the snapshot's weights are not finite")
                lines.append(f"{task.dataset},{task.variant},{task.seed},{update},{metric},{value!r}")
    return "\n".join(lines) + "\n"


def fully_scored(updates: list[int], count: int) -> set[int]:
    """The last snapshot and `count` before it, evenly spread over the grid; update 0 is left out if others are there.

    updates: ascending. The grid is logarithmic, so that these are evenly spread over log updates where it is fine.
    Fewer than asked for when there are fewer snapshots.
    """
    last = len(updates) - 1
    return {updates[round(last * i / (count + 1))] for i in range(1, count + 2)} - ({0} if last else set())


@dataclass(frozen=True, eq=False)
class Scorer:
    """What all snapshots of a data set are scored with: both classifiers, the real images, labels of training (M,).

    held_out: the images (K, C, H, W) and labels (K,) that scores are against, memory-mapped where possible.
    """

    embedder: Embedder
    real: RealReference
    labels: Tensor
    held_out: tuple[np.ndarray, np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image, (C, H, W)."""
        return self.embedder.classifiers.first.architecture.shape

    def z(self, task: Task) -> Tensor:
        """What G is fed, (samples, size): the same for all runs that are fed alike; classes as often as in training.

        With a problem: degraded held-out images, and where G sees classes those of these images.
        """
        purpose = _purpose(task)
        if task.problem is None:
            index = torch.randint(len(self.labels), (task.samples,), generator=purpose("labels"))
            return task.latents.sample(task.samples, purpose, self.labels[index]).to(task.device)
        images, labels = (torch.from_numpy(part[self.pictured(task)]) for part in self.held_out)
        seen = degraded(task.problem, images, purpose("problem"))
        return task.latents.sample(task.samples, purpose, labels, seen).to(task.device)

    def pictured(self, task: Task) -> np.ndarray:
        """The places, among the held-out images, of those whose degraded versions G is fed: (samples,), each in turn.

        In an order drawn by evaluate.seed, so that each is there as often as any other, or once more.
        """
        order = torch.randperm(len(self.held_out[0]), generator=_purpose(task)("images"))
        return order[torch.arange(task.samples) % len(order)].numpy()

    @torch.inference_mode()
    def score(self, G: Generator, z: Tensor, full: bool, asked: Asked) -> dict[str, float]:
        """Metric → value, all metrics or those of every snapshot, of what G makes of z (samples, size).

        asked: what G is asked for in z.
        """
        targets = None
        if asked.image is not None and needs_targets(full):
            parts = np.split(asked.image, range(SAMPLE_BATCH, len(asked.image), SAMPLE_BATCH))
            targets = (torch.from_numpy(self.held_out[0][part]) for part in parts)
        images = _generated(G.to(z.device), z)
        generated = self.embedder.embed(images, needs_pixels(full), needs_classes(full), targets)
        return compute_metrics(generated, self.real, full, asked)


@lru_cache(maxsize=1)  # a process scores many runs of a data set with equal inputs: everything is loaded once
def load_scorer(inputs: ScoringInputs) -> Scorer:
    """The scorer of these inputs. Raises FeaturesError or DataError when a file in a folder is missing or damaged."""
    settings = inputs.settings
    embedder = load_embedder(inputs.features, settings, inputs.device)
    numbers, splits = class_numbers(inputs.prepared, inputs.classes), ("train", settings.split)
    (train, labels), (held_out, of_held_out) = (load_split(inputs.prepared, split, numbers) for split in splits)
    real = embed_split(inputs.features, settings.split, held_out, embedder, numbers)
    labels = torch.from_numpy(np.array(labels))
    reference = real_reference(real, train, held_out, settings, numbers)
    return Scorer(embedder, reference, labels, (held_out, np.array(of_held_out)))


def _purpose(task: Task) -> Callable[[str], torch.Generator]:
    """A function: what is drawn → a generator of its own, by evaluate.seed."""
    return lambda name: generator("evaluate" if name == "z" else f"evaluate {name}", task.settings.seed)


def _generated(G: Generator, z: Tensor) -> Iterator[Tensor]:
    """The images that G makes of z (N, size), in batches; what lies outside [-1, 1] is cut, as in pictures."""
    convolutions = fast_convolutions(z.device)
    for part in z.split(SAMPLE_BATCH):
        with convolutions:
            images = G(part).clamp(-1, 1)
        yield images
