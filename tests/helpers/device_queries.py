"""A guard against waiting for the device in the middle of an update."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class NoAnswer(TorchDispatchMode):
    """Refuses whatever brings a tensor's value to the host: `.item()`, a branch on it, an index taken from it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero):
            raise AssertionError(f"{func} asks the device")
        return func(*args, **(kwargs or {}))
