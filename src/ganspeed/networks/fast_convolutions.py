"""The networks' convolutions, 4x4 with stride 2, where a CPU computes them faster in another way.

Where the larger side of a layer has few places, one product with a dense matrix does it: a 4x4 kernel sees most of 4x4
places anyway. vmapped over weights that differ from lane to lane it is a batched product, where a convolution would
become a grouped one, which is slow, and slower still its second derivative.

Next to larger images, torch's own of one channel or three leave most of a CPU's vectors empty, above all in the
gradient by the image. Of an image's 2x2 blocks, with four times the channels, it is a 2x2 kernel of stride 1.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# What follows kernel, stride and padding of a convolution without dilation, groups or output padding.
PLAIN_ARGUMENTS = {torch.conv2d: [(1, 1), 1], torch.conv_transpose2d: [(0, 0), 1, (1, 1)]}
IMAGE_CHANNELS = 3  # at most


def _taps(size: int) -> Tensor:
    """(16, size², size²/4): 1 where a tap of a 4x4 kernel of stride 2 and padding 1 meets a place for an output."""
    tap, place, output = torch.meshgrid(torch.arange(4), torch.arange(size), torch.arange(size // 2), indexing="ij")
    along = (place == 2 * output - 1 + tap).float()
    return torch.einsum("iay,jbx->ijabyx", along, along).reshape(16, size**2, size**2 // 4)


TAPS = {size: _taps(size) for size in (4, 8)}  # of layers that may be dense; made once, for a trace shows all it makes


class FastConvolutions(TorchFunctionMode):
    """While inside, convolutions of few places or next to images are computed by the functions below.

    What they make of a layer's weight is made once, however often the layer is passed: inside, no weight may change.
    """

    def __init__(self):
        super().__init__()
        self.made: dict[int, tuple[Tensor, Tensor]] = {}  # with the weight, or another could get its id

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in PLAIN_ARGUMENTS and len(arguments) > 4:  # as layers call it
            x, weight, bias, stride, padding, *rest = arguments
            halves = (weight.shape[-2:], stride, padding, rest) == ((4, 4), (2, 2), (1, 1), PLAIN_ARGUMENTS[function])
            if halves and (way := _implementation(function, x.shape[-1], weight.shape[1])):
                compute, make = way
                if id(weight) not in self.made:
                    self.made[id(weight)] = weight, make(weight)
                return compute(x, self.made[id(weight)][1], bias)
        return function(*arguments, **(keywords or {}))


def _implementation(function: Callable, size: int, channels: int) -> tuple[Callable, Callable] | None:
    """What computes a layer from maps or images of this size, and what it wants made of the weight; None: torch does.

    `channels`: of the layer's larger side.
    """
    transposes = function is torch.conv_transpose2d
    size = 2 * size if transposes else size
    if size == 4 or (size == 8 and channels <= IMAGE_CHANNELS):  # on 8x8 it is four times the arithmetic
        return dense_transposed if transposes else dense_convolution, partial(dense, size=size)
    if channels <= IMAGE_CHANNELS:
        return transposed_of_blocks if transposes else convolution_of_blocks, of_blocks
    return None


def fast_convolutions(device: torch.device) -> AbstractContextManager:
    """What suits the networks on this device, but for D in critic steps: torch's gradients by weights are fast."""
    return FastConvolutions() if device.type == "cpu" else nullcontext()


def dense_convolution(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, H), H in TAPS; matrix: dense(weight, H)."""
    half = x.shape[-1] // 2
    return _biased((x.flatten(1) @ matrix).unflatten(1, (-1, half, half)), bias)


def dense_transposed(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, h); matrix: dense(weight, 2h)."""
    size = 2 * x.shape[-1]
    return _biased((x.flatten(1) @ matrix.T).unflatten(1, (-1, size, size)), bias)


def dense(weight: Tensor, size: int) -> Tensor:
    """The matrix (I·size², O·size²/4) of a convolution with weight (O, I, 4, 4), the larger side of this size."""
    o, i = weight.shape[:2]
    spread = weight.reshape(o * i, 16) @ TAPS[size].to(weight.dtype).flatten(1)
    return spread.reshape(o, i, size**2, size**2 // 4).permute(1, 2, 0, 3).reshape(i * size**2, o * size**2 // 4)


def convolution_of_blocks(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, W), H and W even; kernel: of_blocks(weight)."""
    return F.conv2d(F.pixel_unshuffle(F.pad(x, (1, 1, 1, 1)), 2), kernel, bias)


def transposed_of_blocks(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, w); kernel: of_blocks(weight)."""
    return _biased(F.pixel_shuffle(F.conv_transpose2d(x, kernel), 2)[:, :, 1:-1, 1:-1], bias)


def of_blocks(weight: Tensor) -> Tensor:
    """The 2x2 kernel (O, 4 I, 2, 2) that does to 2x2 blocks what (O, I, 4, 4) does, two places at a time, to places."""
    o, i = weight.shape[:2]
    return weight.reshape(o, i, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(o, 4 * i, 2, 2)


def _biased(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.to(y.dtype).reshape(-1, 1, 1)
