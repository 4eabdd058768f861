"""The networks' convolutions as matrix products.

vmap makes a grouped convolution of a convolution whose weights differ from lane to lane, which is slow on a CPU, and
slower still its second derivative. A batched matrix product and its derivatives are fast, and the copying around them
becomes plain loops that inductor fuses with what comes before and after.

A padded image of 2x2 blocks has 4*C values at each of (H/2 + 1, W/2 + 1) places; a 4x4 kernel of stride 2 sees 2x2 of
them. A transposed convolution is the adjoint of that. Kernel 3 is kernel 4 with a zero row and column at its end.
Channels are innermost throughout, and the images that come and go are views of that: loops then run along memory.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# Operations in place that vmap has no rule for; and the same out of place.
IN_PLACE = {torch.Tensor.clamp_: torch.clamp, torch.Tensor.lerp_: torch.lerp}

IMAGE_CHANNELS = 3  # at most
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class InPlaceForVmap(TorchFunctionMode):
    """While inside, operations in place that vmap would do lane by lane are done out of place and copied."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in IN_PLACE:
            return arguments[0].copy_(IN_PLACE[function](*arguments, **(keywords or {})))
        return function(*arguments, **(keywords or {}))


class ConvolutionsAsProducts(TorchFunctionMode):
    """While inside, the networks' convolutions are computed by the functions below; or only those next to images.

    Torch's own of one channel or three leave most of a CPU's vectors empty.
    """

    def __init__(self, next_to_images_only: bool = False):
        super().__init__()
        self.most_channels = IMAGE_CHANNELS if next_to_images_only else math.inf

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function is torch.conv2d and arguments[1].shape[1] <= self.most_channels:
            x, weight, bias, stride, padding, *rest = arguments
            if (weight.shape[-2:], stride, padding) == ((4, 4), (2, 2), (1, 1)) and rest == [(1, 1), 1]:
                return convolution(x, weight, bias)
        if function is torch.conv_transpose2d and arguments[1].shape[1] <= self.most_channels:
            x, weight, bias, stride, padding, *rest = arguments
            if (stride, padding) == ((2, 2), (1, 1)) and weight.shape[-1] in (3, 4) and rest == [(0, 0), 1, (1, 1)]:
                return transposed(x, weight, bias)
        return function(*arguments, **(keywords or {}))


def suited_to(device: torch.device) -> AbstractContextManager:
    """What the networks are best run in on this device where no gradient penalty is to be derived."""
    return ConvolutionsAsProducts(next_to_images_only=True) if device.type == "cpu" else nullcontext()


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
