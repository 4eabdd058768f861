"""The networks' convolutions as matrix products.

vmap makes a grouped convolution of a convolution whose weights differ from lane to lane, which is slow on a CPU, and
slower still its second derivative. A batched matrix product and its derivatives are fast, and the copying around them
becomes plain loops that inductor fuses with what comes before and after.

Where the larger side of a layer has but few places, one product with a dense matrix does it, with nothing to copy
around it: a 4x4 kernel sees most of 4x4 places anyway.

Elsewhere, a padded image of 2x2 blocks has 4*C values at each of (H/2 + 1, W/2 + 1) places; a 4x4 kernel of stride 2
sees 2x2 of them. A transposed convolution is the adjoint of that. Kernel 3 is kernel 4 with a zero row and column at
its end. Channels are innermost, and the images that come and go are views of that: loops then run along memory.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# Operations in place that vmap has no rule for; and the same out of place.
IN_PLACE = {torch.Tensor.clamp_: torch.clamp, torch.Tensor.lerp_: torch.lerp}

IMAGE_CHANNELS = 3  # at most
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _taps(size: int) -> Tensor:
    """(16, size², size²/4): 1 where a tap of a 4x4 kernel of stride 2 and padding 1 meets a place for an output."""
    tap, place, output = torch.meshgrid(torch.arange(4), torch.arange(size), torch.arange(size // 2), indexing="ij")
    along = (place == 2 * output - 1 + tap).float()
    return torch.einsum("iay,jbx->ijabyx", along, along).reshape(16, size**2, size**2 // 4)


TAPS = {size: _taps(size) for size in (4, 8)}  # of layers that may be dense; made once, for a trace shows all it makes


class InPlaceForVmap(TorchFunctionMode):
    """While inside, operations in place that vmap would do lane by lane are done out of place and copied."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in IN_PLACE:
            return arguments[0].copy_(IN_PLACE[function](*arguments, **(keywords or {})))
        return function(*arguments, **(keywords or {}))


class ConvolutionsAsProducts(TorchFunctionMode):
    """While inside, the networks' convolutions are computed by the functions below.

    Or only those next to images, of which torch's own leave most of a CPU's vectors empty, and those of few places.
    """

    def __init__(self, all_of_them: bool = True):
        super().__init__()
        self.all_of_them = all_of_them

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function is torch.conv2d:
            x, weight, bias, stride, padding, *rest = arguments
            if (weight.shape[-2:], stride, padding) == ((4, 4), (2, 2), (1, 1)) and rest == [(1, 1), 1]:
                if _has_few_places(x.shape[-1], weight.shape[1]):
                    return dense_convolution(x, weight, bias)
                if self.all_of_them or weight.shape[1] <= IMAGE_CHANNELS:
                    return convolution(x, weight, bias)
        if function is torch.conv_transpose2d:
            x, weight, bias, stride, padding, *rest = arguments
            if (stride, padding) == ((2, 2), (1, 1)) and weight.shape[-1] in (3, 4) and rest == [(0, 0), 1, (1, 1)]:
                if weight.shape[-1] == 4 and _has_few_places(2 * x.shape[-1], weight.shape[1]):
                    return dense_transposed(x, weight, bias)
                if self.all_of_them or weight.shape[1] <= IMAGE_CHANNELS:
                    return transposed(x, weight, bias)
        return function(*arguments, **(keywords or {}))


def _has_few_places(size: int, channels: int) -> bool:
    """Of a layer's larger side, with so many channels. A dense matrix has four times the kernel's values for 8x8."""
    return size == 4 or (size == 8 and channels <= IMAGE_CHANNELS)


def suited_to(device: torch.device) -> AbstractContextManager:
    """What the networks are best run in on this device where no gradient penalty is to be derived."""
    return ConvolutionsAsProducts(all_of_them=False) if device.type == "cpu" else nullcontext()


def dense_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, H), H in TAPS; weight: (O, C, 4, 4)."""
    half = x.shape[-1] // 2
    y = (x.flatten(1) @ _dense(weight, x.shape[-1])).unflatten(1, (len(weight), half, half))
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def dense_transposed(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, h), 2h in TAPS; weight: (C, O, 4, 4)."""
    size = 2 * x.shape[-1]
    y = (x.flatten(1) @ _dense(weight, size).T).unflatten(1, (weight.shape[1], size, size))
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def _dense(weight: Tensor, size: int) -> Tensor:
    """The matrix (I·size², O·size²/4) of a convolution with weight (O, I, 4, 4)."""
    o, i = weight.shape[:2]
    spread = weight.reshape(o * i, 16) @ TAPS[size].to(weight.dtype).flatten(1)
    return spread.reshape(o, i, size**2, size**2 // 4).permute(1, 2, 0, 3).reshape(i * size**2, o * size**2 // 4)


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, W), H and W even; weight: (O, C, 4, 4)."""
    (n, c, height, width), o = x.shape, len(weight)
    h, w = height // 2, width // 2
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    blocks = padded.reshape(n, h + 1, 2, w + 1, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h + 1, w + 1, 4 * c)
    seen = torch.cat([blocks[:, i : i + h, j : j + w] for i, j in CORNERS], dim=-1)  # (N, h, w, 16 C)
    matrix = weight.reshape(o, c, 2, 2, 2, 2).permute(2, 4, 3, 5, 1, 0).reshape(16 * c, o)
    y = seen.reshape(n * h * w, 16 * c) @ matrix
    if bias is not None:
        y = y + bias
    return y.reshape(n, h, w, o).permute(0, 3, 1, 2)


def transposed(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, w); weight: (C, O, k, k), k = 3 or 4.

    Returns (N, O, 2h - 4 + k, 2w - 4 + k).
    """
    (n, c, h, w), o, kernel = x.shape, weight.shape[1], weight.shape[-1]
    weight = F.pad(weight, (0, 4 - kernel, 0, 4 - kernel))
    matrix = weight.reshape(c, o, 2, 2, 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(c, 16 * o)
    sent = (x.permute(0, 2, 3, 1).reshape(n * h * w, c) @ matrix).reshape(n, h, w, 2, 2, 4 * o)
    blocks = sum(F.pad(sent[:, :, :, i, j], (0, 0, j, 1 - j, i, 1 - i)) for i, j in CORNERS)  # (N, h + 1, w + 1, 4 O)
    y = blocks.reshape(n, h + 1, w + 1, 2, 2, o).permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h + 2, 2 * w + 2, o)
    y = y[:, 1 : 2 * h - 3 + kernel, 1 : 2 * w - 3 + kernel]
    return (y if bias is None else y + bias).permute(0, 3, 1, 2)
