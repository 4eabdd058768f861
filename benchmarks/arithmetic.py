"""Arithmetic of an update against the most that this machine's torch reaches, as sizes grow; eager loop, one thread.

    python benchmarks/arithmetic.py [--variant wgan_gp] [--n-critic 5] [--seconds 3] [--to reports/benchmarks/NAME.csv]

One thing is changed at a time around 28x28 pictures, width 16 and 64 images a batch; the last two rows are the networks
nearest to WGAN-GP's on MNIST (width 64, batch 50, z 128) and DCGAN's of 64x64. Counted are products and convolutions,
by torch's formulas, a multiplication and an addition as two; the penalty's own part is what an update has more than one
of WGAN. The peak is that of a product of 2048x2048 or of a large convolution in float32, whichever is faster (on a CPU
two libraries do them), measured before every row; the median is what rows are held against. It runs on the GPU where
GANSPEED_DEVICE or torch finds one.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from customary import NETWORKS, Sizes, pictures, recipe
from tables import print_table
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganspeed.system.determinism import reproducible
from ganspeed.system.devices import select_device
from ganspeed.training.draws import Draws
from ganspeed.training.loop import one_update
from ganspeed.training.state import State, new_state

BASE = NETWORKS["28x28"]
NETWORKS_IN_TURN = (
    NETWORKS["8x8"],
    BASE,
    *(replace(BASE, shape=(1, size, size)) for size in (32, 64)),
    *(replace(BASE, width=width) for width in (8, 32)),
    *(replace(BASE, batch_size=batch_size) for batch_size in (16, 256)),
    NETWORKS["mnist"],
    NETWORKS["dcgan"],
)


class Counter(TorchDispatchMode):
    """Counts while inside. FlopCounterMode, which tells modules apart too, cannot look on at autograd.grad."""

    flop = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        out = function(*arguments, **(keywords or {}))
        if count := flop_registry.get(function.overloadpacket):
            self.flop += count(*arguments, **(keywords or {}), out_val=out)
        return out


def per_second(work: Callable[[], None], seconds: float, device: torch.device) -> float:
    """How often `work` is done in a second, after a first time that is not counted."""
    work()
    done, start = 0, _now(device)
    while _now(device) - start < seconds:
        work()
        done += 1
    return done / (_now(device) - start)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak(device: torch.device) -> float:
    """GFLOP/s of a product of two matrices or of a convolution, in float32."""
    a, b = torch.randn(2, 2048, 2048, device=device)
    x, w = torch.randn(32, 256, 32, 32, device=device), torch.randn(256, 256, 3, 3, device=device)
    product = per_second(lambda: a @ b, 0.5, device) * 2 * 2048**3
    convolution = per_second(lambda: F.conv2d(x, w, padding=1), 0.5, device) * 2 * 9 * x.numel() * len(w)
    return max(product, convolution) / 1e9


def counted(state: State, draws: Draws) -> float:
    """GFLOP of an update."""
    with Counter() as counter:
        one_update(state, draws)
    return counter.flop / 1e9


def measure(networks: Sizes, given: argparse.Namespace, device: torch.device) -> dict:
    """The sizes, with GFLOP of an update and of its penalty, and milliseconds of an update."""
    asked, unpenalised = (recipe(networks, variant, given.n_critic, 0) for variant in (given.variant, "wgan"))
    images, labels = pictures(networks.shape).to(device), torch.zeros(1000, dtype=torch.int64, device=device)
    state, draws = new_state(asked, images), Draws(0, asked.counts, asked.latents, images, labels)
    gflop = counted(state, draws)
    channels, size, _ = networks.shape
    return {
        "size": size,
        "channels": channels,
        **{name: getattr(networks, name) for name in ("width", "hidden", "batch_size", "z_dim")},
        "gflop": gflop,
        "penalty_gflop": gflop - counted(new_state(unpenalised, images), draws),
        "ms": 1e3 / per_second(lambda: one_update(state, draws), given.seconds, device),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="wgan_gp")
    parser.add_argument("--n-critic", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a row")
    parser.add_argument("--to", type=Path, help="a CSV file")
    given = parser.parse_args()
    torch.set_num_threads(1)
    reproducible()
    device = select_device()
    found, peaks = [], []
    for networks in NETWORKS_IN_TURN:
        peaks.append(peak(device))
        found.append(measure(networks, given, device))
        print(found[-1], flush=True)
    table = pd.DataFrame(found)
    table["gflop_per_second"] = 1e3 * table["gflop"] / table["ms"]
    table["of_peak"] = table["gflop_per_second"] / statistics.median(peaks)
    table["variant"], table["n_critic"], table["peak_gflop_per_second"] = given.variant, given.n_critic, peaks
    print_table(table.round(4), given.to)


if __name__ == "__main__":
    main()
