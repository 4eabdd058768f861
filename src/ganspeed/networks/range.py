"""The range of images at a network's border. Prepared images, pictures and metrics are in [-1, 1] whatever it is."""

import torch
from torch import Tensor, nn

SMALLEST_SD = 1e-6  # of a channel that is the same in all images


class ImageRange(nn.Module):
    """Images in [-1, 1] ↔ the range that a network sees: "signed" the same, "unit" [0, 1], "standard" standardised.

    With "standard", `mean` and `sd` (C, 1, 1) are those of the training images; a snapshot has them beside its weights.
    """

    def __init__(self, name: str, channels: int):
        super().__init__()
        self.name = name
        if name == "standard":
            self.register_buffer("mean", torch.zeros(channels, 1, 1))
            self.register_buffer("sd", torch.ones(channels, 1, 1))

    @torch.no_grad()
    def measure(self, images: Tensor) -> None:
        """Take the mean and the standard deviation of each channel of these images (N, C, H, W)."""
        if self.name == "standard":
            self.mean.copy_(images.mean((0, 2, 3)).view(-1, 1, 1))
            self.sd.copy_(images.std((0, 2, 3)).clamp_min(SMALLEST_SD).view(-1, 1, 1))

    def inside(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] as the network sees them."""
        match self.name:
            case "unit":
                return (images + 1) / 2
            case "standard":
                return (images - self.mean) / self.sd
        return images

    def outside(self, images: Tensor) -> Tensor:
        """What the network makes, in the range of prepared images."""
        match self.name:
            case "unit":
                return images * 2 - 1
            case "standard":
                return images * self.sd + self.mean
        return images
