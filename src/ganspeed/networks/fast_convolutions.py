"""The networks' convolutions, 4x4 with stride 2 and padding 1, in forms that a CPU computes faster than torch's own.

With a larger side of few positions, a layer is one product with a dense matrix: a 4x4 kernel sees most of 4x4 positions
anyway. vmapped over weights that differ from lane to lane it is a batched product, where a convolution becomes a
grouped one, which is slow, and its second derivative even slower.

Next to larger images, torch's own convolutions of one or three channels leave most of a CPU's vector units empty, above
all in the gradient with respect to the image. On the image's 2x2 blocks, with four times the channels, the same layer
is a 2x2 kernel with stride 1.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# The arguments after kernel, stride and padding of a convolution without dilation, groups or output padding.
PLAIN_ARGUMENTS = {torch.conv2d: [(1, 1), 1], torch.conv_transpose2d: [(0, 0), 1, (1, 1)]}
IMAGE_CHANNELS = 3  # at most


def _taps(size: int) -> Tensor:
    """(16, size², size²/4): 1 where a tap of a 4x4 kernel, stride 2, padding 1, links a position and an output."""
    tap, position, output = torch.meshgrid(torch.arange(4), torch.arange(size), torch.arange(size // 2), indexing="ij")
    along = (position == 2 * output - 1 + tap).float()
    return torch.einsum("iay,jbx->ijabyx", along, along).reshape(16, size**2, size**2 // 4)


TAPS = {size: _taps(size) for size in (4, 8)}  # by the larger side; made at import, or they would be part of a trace


class FastConvolutions(TorchFunctionMode):
    """While inside, convolutions of few positions or next to images are computed by the functions below.

    What they need of a layer's weight is computed once, however often the layer is called: no weight may change inside.
    """

    def __init__(self):
        super().__init__()
        self.cache: dict[int, tuple[Tensor, Tensor]] = {}  # by id, with the weight: no other tensor can get its id

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function in PLAIN_ARGUMENTS and len(arguments) > 4:  # as layers call it
            x, weight, bias, stride, padding, *rest = arguments
            geometry = (weight.shape[-2:], stride, padding, rest)
            is_4x4_stride_2 = geometry == ((4, 4), (2, 2), (1, 1), PLAIN_ARGUMENTS[function])
            found = _implementation(function, x.shape[-1], weight.shape[1]) if is_4x4_stride_2 else None
            if found:
                compute, transform = found
                if id(weight) not in self.cache:
                    self.cache[id(weight)] = weight, transform(weight)
                return compute(x, self.cache[id(weight)][1], bias)
        return function(*arguments, **(keywords or {}))


def _implementation(function: Callable, size: int, channels: int) -> tuple[Callable, Callable] | None:
    """What computes a layer with inputs of this size, and what transforms its weight for it; None for torch's own.

    channels: of the layer's larger side.
    """
    is_transposed = function is torch.conv_transpose2d
    size = 2 * size if is_transposed else size
    if size == 4 or (size == 8 and channels <= IMAGE_CHANNELS):  # on 8x8 it is four times the arithmetic
        return dense_conv_transpose2d if is_transposed else dense_conv2d, partial(dense_matrix, size=size)
    if channels <= IMAGE_CHANNELS and size % 2 == 0:
        return block_conv_transpose2d if is_transposed else block_conv2d, block_kernel
    return None


def fast_convolutions(device: torch.device) -> AbstractContextManager:
    """The fastest convolutions on this device for both networks' forward passes and gradients by the input.

    Not for D in discriminator steps, where torch's own gradients by the weights are faster.
    """
    return FastConvolutions() if device.type == "cpu" else nullcontext()


def dense_conv2d(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, H), H in TAPS; matrix: dense_matrix(weight, H)."""
    half = x.shape[-1] // 2
    return _biased((x.flatten(1) @ matrix).unflatten(1, (-1, half, half)), bias)


def dense_conv_transpose2d(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, h); matrix: dense_matrix(weight, 2h)."""
    size = 2 * x.shape[-1]
    return _biased((x.flatten(1) @ matrix.T).unflatten(1, (-1, size, size)), bias)


def dense_matrix(weight: Tensor, size: int) -> Tensor:
    """The matrix (I·size², O·size²/4) of a convolution with weight (O, I, 4, 4), the larger side of this size."""
    o, i = weight.shape[:2]
    spread = weight.reshape(o * i, 16) @ TAPS[size].to(weight.dtype).flatten(1)
    return spread.reshape(o, i, size**2, size**2 // 4).permute(1, 2, 0, 3).reshape(i * size**2, o * size**2 // 4)


def block_conv2d(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d(x, weight, bias, stride=2, padding=1). x: (N, C, H, W), H and W even; kernel: block_kernel(weight)."""
    return F.conv2d(F.pixel_unshuffle(F.pad(x, (1, 1, 1, 1)), 2), kernel, bias)


def block_conv_transpose2d(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """conv_transpose2d(x, weight, bias, stride=2, padding=1). x: (N, C, h, w); kernel: block_kernel(weight)."""
    return _biased(F.pixel_shuffle(F.conv_transpose2d(x, kernel), 2)[:, :, 1:-1, 1:-1], bias)


def block_kernel(weight: Tensor) -> Tensor:
    """The 2x2 kernel (O, 4 I, 2, 2), stride 1, on 2x2 blocks that equals weight (O, I, 4, 4), stride 2, on pixels."""
    o, i = weight.shape[:2]
    return weight.reshape(o, i, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(o, 4 * i, 2, 2)


def _biased(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.to(y.dtype).reshape(-1, 1, 1)
