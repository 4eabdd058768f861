"""The images that a run is trained with, and those that it is only looked at with. All verified, on its device."""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ganspeed.data.prepared import load_split
from ganspeed.data.training_set import load_training_set
from ganspeed.runs.spec import RunSpec
from ganspeed.training.sample_grids import GRID_SIDE
from ganspeed.workspace import Workspace


def training_images(spec: RunSpec, workspace: Workspace, device: torch.device) -> tuple[Tensor, Tensor]:
    """The training images (N, C, H, W) and labels (N,) of a run, verified, on the device."""
    asked = spec.train.limit, spec.train.denoise, spec.chosen
    return _training_images(workspace.prepared(spec.dataset), asked, device)


@lru_cache(maxsize=1)
def _training_images(folder: Path, asked: tuple, device: torch.device) -> tuple[Tensor, Tensor]:
    images, labels = load_training_set(folder, *asked)
    return torch.from_numpy(images.copy()).to(device), torch.from_numpy(labels.copy()).to(device)


def held_out_images(spec: RunSpec, workspace: Workspace, device: torch.device) -> tuple[Tensor, Tensor]:
    """Held-out images, and their labels, as many as a batch has: how D scores them is compared with those of training.

    No step sees them.
    """
    return _first_of_val(spec, workspace, device, spec.train.batch_size)


def pictured_images(spec: RunSpec, workspace: Workspace, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Held-out images, and their labels, whose degraded versions G is fed in a run's pictures; None without a problem.

    Of val, whatever split scores are against: a picture is to show what G makes of images that it was not trained on.
    """
    if spec.train.problem is None:
        return None
    return _first_of_val(spec, workspace, device, GRID_SIDE**2 // 2)  # each beside what G makes of it


def _first_of_val(spec: RunSpec, workspace: Workspace, device: torch.device, count: int) -> tuple[Tensor, Tensor]:
    images, labels = load_split(workspace.prepared(spec.dataset), "val", spec.chosen)
    return torch.from_numpy(images[:count].copy()).to(device), torch.from_numpy(labels[:count].copy()).to(device)
