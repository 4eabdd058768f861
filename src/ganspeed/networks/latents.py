"""What G is fed, in training, in pictures and in scores: noise, codes and a one-hot class in one vector a sample."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Latents:
    """z (N, size): `dim` numbers of noise, a one-hot categorical code, continuous codes, a one-hot class.

    The noise is standard normal or uniform on [-1, 1), continuous codes are uniform on [-1, 1); each of the last three
    parts is left out where its number is 0. Codes: Chen et al. 2016, 1606.03657; classes: 1411.1784.
    """

    law: Literal["normal", "uniform"]
    dim: int
    categorical: int = 0  # values of the categorical code
    continuous: int = 0  # continuous codes
    classes: int = 0

    @property
    def size(self) -> int:
        """Numbers that G is fed for one sample."""
        return self.dim + self.categorical + self.continuous + self.classes

    def sample(self, n: int, generator: Callable[[str], torch.Generator], labels: Tensor) -> Tensor:
        """z (n, size). generator: purpose ("z", "codes") → a generator; labels (n,), on the same device."""
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
        return parts[0] if self.size == self.dim else torch.cat(parts, 1)

    @property
    def code_size(self) -> int:
        """Numbers of z that are codes."""
        return self.categorical + self.continuous

    def codes(self, z: Tensor) -> Tensor:
        """The codes (N, code_size) in z (N, size): the one-hot categorical one, then the continuous ones."""
        return z[:, self.dim : self.dim + self.code_size]

    def plain(self) -> dict[str, Any]:
        """As plain values, from which `Latents(**plain)` is made again."""
        return asdict(self)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(N,) → (N, classes), float32. torch.nn.functional.one_hot looks at values, which no trace can."""
    return (labels.unsqueeze(1) == torch.arange(classes, device=labels.device)).float()
