"""Tensors of torch's `meta` device, which have a shape and no values, and a guard against those of any other."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")


class OnlyOnMeta(TorchDispatchMode):
    """Refuses every operation that takes or makes a tensor of another device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, made)):
            if isinstance(tensor, torch.Tensor) and tensor.device != META:
                raise AssertionError(f"{func} takes or makes a tensor on {tensor.device}")
        return made
