"""The device and the number of worker processes: GANSPEED_DEVICE (cpu, cuda, cuda:1, ...) and GANSPEED_WORKERS.

The number of workers changes no byte. The device is part of a run's fingerprint.
"""

import re
from functools import cache

import torch
from torch.nn.functional import conv2d

from ganspeed.environment import variable
from ganspeed.errors import UserError
from ganspeed.system.cpu_quota import available_cores

GPU_WORKERS = 4  # processes that share one GPU: small networks leave it idle between kernels


def select_device() -> torch.device:
    """GANSPEED_DEVICE, else the GPU if there is one, else the CPU. Raises UserError if it cannot compute."""
    name = variable("GANSPEED_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UserError(f"GANSPEED_DEVICE: {name!r} is none of cpu, cuda, cuda:0, cuda:1, ...")
    return usable_device(name)


@cache
def usable_device(name: str) -> torch.device:
    """The device of this name, once a matrix product and a convolution were computed on it.

    A driver takes tensors for a GPU that it has no kernels for. Raises UserError with what it said.
    """
    try:
        device = torch.device(name)
        x = torch.ones(1, 1, 4, 4, device=device)
        conv2d(x @ x, x).item()  # waits for the device
    except (RuntimeError, AssertionError) as error:
        said = str(error).strip().partition("\n")[0]
        raise UserError(f"the device {name} cannot compute here: {said}; GANSPEED_DEVICE=cpu does without it") from None
    return device


def device_name(device: torch.device) -> str:
    """The GPU's model, or the CPU with its instruction-set level: what a run's bytes depend on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def worker_count(device: torch.device) -> int:
    """GANSPEED_WORKERS, else the number of cores, or GPU_WORKERS on a GPU. Raises UserError for other values."""
    given = variable("GANSPEED_WORKERS")
    if given is None:
        return GPU_WORKERS if device.type == "cuda" else available_cores()
    if not given.isdecimal() or int(given) < 1:
        raise UserError(f"GANSPEED_WORKERS: {given!r} is not an integer >= 1")
    return int(given)
