"""Snapshots on the grid and sample grids at fixed z."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import NORM_BATCH, Generator, measure_statistics
from ganspeed.system.determinism import generator
from ganspeed.system.files import write_atomically
from ganspeed.training.sample_grids import GRID_SIDE, tile
from ganspeed.training.snapshot_grid import snapshot_updates
from ganspeed.training.state import Recipe


class SnapshotWriter:
    """Writes snapshots/ and samples/ of one run into `folder`; training is not affected by it."""

    def __init__(self, recipe: Recipe, folder: Path, labels: Tensor):
        """labels: of the training images, (M,); where G sees them, the pictures show the run's classes in turn."""
        train, latents, device = recipe.train, recipe.latents, labels.device
        updates = snapshot_updates(train.updates, train.grid_ratio, recipe.coarse_below)
        every = (len(updates) - 1) / max(1, train.sample_grids - 1)
        self.folder, self.snapshot_updates = folder, set(updates)
        self.sample_updates = {updates[round(i * every)] for i in range(train.sample_grids)} | {updates[-1]}
        index = torch.randint(len(labels), (NORM_BATCH,), generator=generator("normalisation labels"))
        shown = torch.tensor(recipe.chosen or range(max(1, latents.classes)))
        in_turn = shown[torch.arange(GRID_SIDE**2) % len(shown)]
        drawn = {"normalisation": labels.cpu()[index], "sample": in_turn}
        self.norm_z, self.sample_z = (
            latents.sample(len(of), lambda what, purpose=purpose: generator(f"{purpose} {what}"), of).to(device)
            for purpose, of in drawn.items()
        )

    @torch.no_grad()
    def write(self, G: Generator, update: int) -> None:
        """Write the snapshot of this update, and its sample grid if it has one."""
        with fast_convolutions(self.norm_z.device):
            measure_statistics(G, self.norm_z)
        path = self.folder / "snapshots" / f"{update:07}.safetensors"
        state = {name: tensor.cpu().contiguous() for name, tensor in G.state_dict().items()}
        write_atomically(path, lambda temporary: save_file(state, temporary))
        if update in self.sample_updates:
            picture = tile(G.eval()(self.sample_z).cpu().numpy())
            G.train()
            write_atomically(self._sample_grid(update), lambda temporary: picture.save(temporary, format="PNG"))

    def sample_grids(self) -> list[Path]:
        """The sample grids written so far, by update."""
        return [path for path in map(self._sample_grid, sorted(self.sample_updates)) if path.exists()]

    def _sample_grid(self, update: int) -> Path:
        return self.folder / "samples" / f"{update}.png"
