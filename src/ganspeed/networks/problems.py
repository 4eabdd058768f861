"""What G is fed of the image that it is to make, on a data set with a problem: super-resolution, noise, inpainting."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ganspeed.params.problems import AnyProblem

GREY = 0.0  # of masked pixels: the middle of the range of images


def degraded(problem: AnyProblem, images: Tensor, generator: torch.Generator) -> Tensor:
    """The degraded versions of images (N, C, H, W) in [-1, 1], flattened: (N, `params.problems.numbers_fed`).

    upscale: the mean of each factor x factor pixels. denoise: with normal noise, which may leave [-1, 1]. mask: a
    square that is GREY, at a place drawn for each image. generator: of the noise or the places, on the device of the
    images.
    """
    match problem.name:
        case "upscale":
            seen = F.avg_pool2d(images, problem.factor)
        case "denoise":
            noise = torch.randn(images.shape, generator=generator, device=images.device)
            seen = images + problem.sd * noise
        case "mask":
            seen = images.masked_fill(_squares(problem.size, images, generator), GREY)
    return seen.flatten(1)


def as_images(problem: AnyProblem, seen: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Degraded images (N, numbers) as pictures of the size of whole ones: (N, C, H, W). shape: (C, H, W)."""
    shrunk = problem.factor if problem.name == "upscale" else 1
    channels, height, width = shape
    small = seen.view(-1, channels, height // shrunk, width // shrunk)
    return small.repeat_interleave(shrunk, 2).repeat_interleave(shrunk, 3)


def _squares(side: int, images: Tensor, generator: torch.Generator) -> Tensor:
    """Where a square of this side lies, anywhere within each of images (N, C, H, W): (N, 1, H, W), true inside."""
    inside = []
    for length in images.shape[2:]:
        first = torch.randint(length - side + 1, (len(images), 1), generator=generator, device=images.device)
        place = torch.arange(length, device=images.device)
        inside.append((place >= first) & (place < first + side))
    rows, columns = inside
    return rows[:, None, :, None] & columns[:, None, None, :]
