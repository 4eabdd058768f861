"""Snapshots on the grid and sample grids at fixed z."""

from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.networks.generator import NORM_BATCH, Generator, measure_statistics
from ganspeed.system.determinism import generator
from ganspeed.system.files import write_atomically
from ganspeed.training.sample_grids import GRID_SIDE, tile
from ganspeed.training.snapshot_grid import for_run
from ganspeed.training.state import Recipe


class SnapshotWriter:
    """Snapshots on the grid and sample grids at fixed z, all from one look at G that leaves training as it was."""

    def __init__(self, recipe: Recipe, folder: Path, device: torch.device):
        train = recipe.train
        grid = for_run(train)
        every = (len(grid) - 1) / max(1, train["sample_grids"] - 1)
        self.folder, self.grid = folder, set(grid)
        self.sampled = {grid[round(i * every)] for i in range(train["sample_grids"])} | {grid[-1]}
        self.norm_z = self._z("normalisation z", NORM_BATCH, train["z_dim"], device)
        self.sample_z = self._z("sample z", GRID_SIDE**2, train["z_dim"], device)

    @staticmethod
    def _z(purpose: str, n: int, z_dim: int, device: torch.device) -> Tensor:
        return torch.randn(n, z_dim, generator=generator(purpose)).to(device)

    @torch.no_grad()
    def photograph(self, G: Generator, update: int) -> None:
        """Write the snapshot of this update, and its sample grid where one is due."""
        with fast_convolutions(self.norm_z.device):
            measure_statistics(G, self.norm_z)
        path = self.folder / "snapshots" / f"{update:07}.safetensors"
        state = {name: tensor.cpu().contiguous() for name, tensor in G.state_dict().items()}
        write_atomically(path, lambda temporary: save_file(state, temporary))
        if update in self.sampled:
            picture = tile(G.eval()(self.sample_z).cpu().numpy())
            G.train()
            write_atomically(self._sample(update), lambda temporary: picture.save(temporary, format="PNG"))

    def _sample(self, update: int) -> Path:
        return self.folder / "samples" / f"{update}.png"

    def animate(self) -> None:
        """samples.gif of the sample grids there are, half a second each, the last two seconds."""
        frames = [Image.open(path) for path in map(self._sample, sorted(self.sampled)) if path.exists()]
        durations = [500] * (len(frames) - 1) + [2000]
        write_atomically(
            self.folder / "samples.gif",
            lambda path: frames[0].save(
                path, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
            ),
        )
