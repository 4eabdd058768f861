"""What G is fed, in training, pictures and scores: noise, codes, a one-hot class, a degraded image; one vector each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Latents:
    """z (N, size): `dim` numbers of noise, a one-hot categorical code, continuous codes, a one-hot class, an image.

    The noise is standard normal or uniform on [-1, 1), continuous codes are uniform on [-1, 1); the image is the
    degraded one that `problems.degraded` makes, flattened. Each of the last four parts is left out where its number is
    0. Codes: Chen et al. 2016, 1606.03657; classes: 1411.1784.
    """

    law: Literal["normal", "uniform"]
    dim: int
    categorical: int = 0  # values of the categorical code
    continuous: int = 0  # continuous codes
    classes: int = 0
    image: int = 0  # numbers of the degraded image

    @property
    def size(self) -> int:
        """Numbers that G is fed for one sample."""
        return self.dim + self.categorical + self.continuous + self.classes + self.image

    def sample(
        self, n: int, generator: Callable[[str], torch.Generator], labels: Tensor, seen: Tensor | None = None
    ) -> Tensor:
        """z (n, size). generator: purpose ("z", "codes") → a generator; labels (n,), on the same device.

        seen: the degraded images (n, image), where G is fed one.
        """
        z, device = generator("z"), labels.device
        draw = torch.randn if self.law == "normal" else torch.rand
        noise = draw(n, self.dim, generator=z, device=device)
        parts = [noise if self.law == "normal" else noise * 2 - 1]
        if self.code_size:
            codes = generator("codes")
            category = torch.randint(max(1, self.categorical), (n,), generator=codes, device=device)
            uniform = torch.rand(n, self.continuous, generator=codes, device=device)
            parts += [one_hot(category, self.categorical), uniform * 2 - 1]
        parts.append(one_hot(labels, self.classes))
        if seen is not None:
            parts.append(seen)
        return parts[0] if self.size == self.dim else torch.cat(parts, 1)

    @property
    def code_size(self) -> int:
        """Numbers of z that are codes."""
        return self.categorical + self.continuous

    def codes(self, z: Tensor) -> Tensor:
        """The codes (N, code_size) in z (N, size): the one-hot categorical one, then the continuous ones."""
        return z[:, self.dim : self.dim + self.code_size]

    def asked_classes(self, z: Tensor) -> Tensor:
        """The one-hot classes (N, classes) in z (N, size)."""
        first = self.dim + self.code_size
        return z[:, first : first + self.classes]

    def seen(self, z: Tensor) -> Tensor:
        """The degraded images (N, image) in z (N, size)."""
        return z[:, self.size - self.image :]

    def plain(self) -> dict[str, Any]:
        """As plain values, from which `Latents(**plain)` is made again; without `image` where there is none."""
        return {key: value for key, value in asdict(self).items() if value or key != "image"}


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(N,) → (N, classes), float32. torch.nn.functional.one_hot looks at values, which no trace can."""
    return (labels.unsqueeze(1) == torch.arange(classes, device=labels.device)).float()
