"""Snapshots on the grid and sample grids at fixed z."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import NORM_BATCH, Generator, measure_statistics
from ganspeed.networks.problems import as_images, degraded
from ganspeed.system.determinism import generator
from ganspeed.system.files import write_atomically
from ganspeed.training.sample_grids import GRID_SIDE, tile
from ganspeed.training.snapshot_grid import snapshot_updates
from ganspeed.training.state import Recipe

LabelledImages = tuple[Tensor, Tensor]  # (N, C, H, W) in [-1, 1] and (N,), on one device


class SnapshotWriter:
    """Writes snapshots/ and samples/ of one run into `folder`; training is not affected by it."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        images: Tensor,
        labels: Tensor,
        pictured: LabelledImages | None = None,
    ):
        """images (M, C, H, W), labels (M,): of training. Where G sees them, pictures show the run's classes in turn.

        pictured: the images whose degraded versions G is fed in pictures, where it is fed any; by default of training.
        Each of these stands left of what G makes of it.
        """
        train, latents = recipe.train, recipe.latents
        updates = snapshot_updates(train.updates, train.grid_ratio, recipe.coarse_below)
        every = (len(updates) - 1) / max(1, train.sample_grids - 1)
        self.folder, self.snapshot_updates = folder, set(updates)
        self.sample_updates = {updates[round(i * every)] for i in range(train.sample_grids)} | {updates[-1]}
        index = torch.randint(len(labels), (NORM_BATCH,), generator=generator("normalisation labels"))
        turn, self.inputs = torch.arange(GRID_SIDE**2), None
        self.norm_z = _fixed_z("normalisation", recipe, (images, labels), index)
        if train.problem:
            pictured, half = pictured or (images, labels), turn[: len(turn) // 2]
            self.sample_z = _fixed_z("sample", recipe, pictured, half % len(pictured[0]))
            self.inputs = as_images(train.problem, latents.seen(self.sample_z), recipe.shape)
        else:
            classes = torch.tensor(recipe.chosen or range(max(1, latents.classes)), device=labels.device)
            self.sample_z = _fixed_z("sample", recipe, (images, classes), turn % len(classes))

    @torch.no_grad()
    def write(self, G: Generator, update: int) -> None:
        """Write the snapshot of this update, and its sample grid if it has one."""
        with fast_convolutions(self.norm_z.device):
            measure_statistics(G, self.norm_z)
        path = self.folder / "snapshots" / f"{update:07}.safetensors"
        state = {name: tensor.cpu().contiguous() for name, tensor in G.state_dict().items()}
        write_atomically(path, lambda temporary: save_file(state, temporary))
        if update in self.sample_updates:
            made = G.eval()(self.sample_z)
            if self.inputs is not None:
                made = torch.stack([self.inputs, made], 1).flatten(0, 1)
            picture = tile(made.cpu().numpy())
            G.train()
            write_atomically(self._sample_grid(update), lambda temporary: picture.save(temporary, format="PNG"))

    def sample_grids(self) -> list[Path]:
        """The sample grids written so far, by update."""
        return [path for path in map(self._sample_grid, sorted(self.sample_updates)) if path.exists()]

    def _sample_grid(self, update: int) -> Path:
        return self.folder / "samples" / f"{update}.png"


def _fixed_z(purpose: str, recipe: Recipe, of: LabelledImages, index: Tensor) -> Tensor:
    """What G is fed to show the labelled images at these places (n,), the same in every run: (n, size), on a device.

    Of the images only their degraded versions, where the data set has a problem. Drawn on the CPU, as everything that
    is the same on every device.
    """
    images, labels = of

    def random(what: str) -> torch.Generator:
        return generator(f"{purpose} {what}")

    problem, own = recipe.train.problem, index.to(labels.device)
    seen = degraded(problem, images[own].cpu(), random("problem")) if problem else None
    return recipe.latents.sample(len(index), random, labels[own].cpu(), seen).to(labels.device)
