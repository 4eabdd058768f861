"""The device and the number of worker processes: GANSPEED_DEVICE (cpu, cuda, cuda:1, ...) and GANSPEED_WORKERS.

The number of workers changes no byte. The device is part of a run's fingerprint.
"""

import os

import torch

from ganspeed.errors import UserError

GPU_WORKERS = 4  # processes that share one GPU: small networks leave it idle between kernels


def select_device() -> torch.device:
    """GANSPEED_DEVICE, else the GPU if there is one, else the CPU. Raises UserError for a device that is not usable."""
    name = os.environ.get("GANSPEED_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"GANSPEED_DEVICE: {name!r} is not usable here: {str(error).splitlines()[0]}") from None


def device_name(device: torch.device) -> str:
    """The GPU's model, or the CPU with its instruction-set level: what a run's bytes depend on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def worker_count(device: torch.device) -> int:
    """GANSPEED_WORKERS, else the number of cores, or GPU_WORKERS on a GPU. Raises UserError for other values."""
    given = os.environ.get("GANSPEED_WORKERS")
    if given is None:
        return GPU_WORKERS if device.type == "cuda" else len(os.sched_getaffinity(0))
    if not given.isdecimal() or int(given) < 1:
        raise UserError(f"GANSPEED_WORKERS: {given!r} is not an integer >= 1")
    return int(given)
