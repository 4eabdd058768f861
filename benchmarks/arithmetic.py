"""Arithmetic of an update against the most that this machine's torch reaches, as sizes grow; eager loop, one thread.

    python benchmarks/arithmetic.py [--variant wgan_gp] [--n-critic 5] [--seconds 3] [--to reports/benchmarks/NAME.csv]

One thing is changed at a time around 28x28 pictures, width 16 and 64 images a batch; the last two rows are the networks
nearest to WGAN-GP's on MNIST (width 64, batch 50, z 128) and DCGAN's of 64x64. Counted are products and convolutions,
by torch's formulas, a multiplication and an addition as two. The peak is that of a product of 2048x2048 or
of a large convolution in float32, whichever is faster (on a CPU two libraries do them), measured before every row; the
median is what rows are held against. It runs on the GPU where GANSPEED_DEVICE or torch finds one.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganspeed import execute, params
from ganspeed.randomness import reproducible
from ganspeed.training import Draws, Recipe, new_state, one_update

BASE = {"size": 28, "width": 16, "batch_size": 64, "z_dim": 32}
HIDDEN = {8: 0, 28: 256, 32: 256, 64: 256}
VARIED = {"size": (8, 28, 32, 64), "width": (8, 16, 32), "batch_size": (16, 64, 256)}
KNOWN = (
    {"size": 28, "width": 64, "batch_size": 50, "z_dim": 128},
    {"size": 64, "width": 64, "batch_size": 64, "z_dim": 128},
)


class Counter(TorchDispatchMode):
    """Counts while inside. FlopCounterMode, which tells modules apart too, cannot look on at autograd.grad."""

    flop = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        out = function(*arguments, **(keywords or {}))
        if count := flop_registry.get(function.overloadpacket):
            self.flop += count(*arguments, **(keywords or {}), out_val=out)
        return out


def rows() -> list[dict]:
    grown = [{**BASE, name: value} for name, values in VARIED.items() for value in values]
    return [row for i, row in enumerate([*grown, *KNOWN]) if row not in grown[:i]]


def per_second(work: Callable[[], None], seconds: float, where: torch.device) -> float:
    """How often `work` is done in a second, after a first time that is not counted."""
    work()
    done, start = 0, _now(where)
    while _now(where) - start < seconds:
        work()
        done += 1
    return done / (_now(where) - start)


def _now(where: torch.device) -> float:
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.perf_counter()


def peak(where: torch.device) -> float:
    """GFLOP/s of a product of two matrices or of a convolution, in float32."""
    a, b = torch.randn(2, 2048, 2048, device=where)
    x, w = torch.randn(32, 256, 32, 32, device=where), torch.randn(256, 256, 3, 3, device=where)
    product = per_second(lambda: a @ b, 0.5, where) * 2 * 2048**3
    convolution = per_second(lambda: F.conv2d(x, w, padding=1), 0.5, where) * 2 * 9 * x.numel() * len(w)
    return max(product, convolution) / 1e9


def measure(row: dict, variant: dict, seconds: float, where: torch.device) -> dict:
    """The row, with GFLOP and milliseconds of an update."""
    shape = (1, row["size"], row["size"])
    train = {"updates": 10**9, "hidden": HIDDEN[row["size"]], "ema_decay": 0.995} | row
    state = new_state(Recipe(0, train, variant, shape), where)
    images, labels = torch.rand(1000, *shape, device=where) * 2 - 1, torch.zeros(1000, dtype=torch.int64, device=where)
    draws = Draws(0, row["batch_size"], row["z_dim"], images, labels)
    with Counter() as counter:
        one_update(state, draws)
    return {
        **row,
        "gflop": counter.flop / 1e9,
        "ms": 1e3 / per_second(lambda: one_update(state, draws), seconds, where),
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
    where = execute.device()
    variant = params.load(Path("params.yaml")).variant(given.variant).resolved() | {"n_critic": given.n_critic}
    found, peaks = [], []
    for row in rows():
        peaks.append(peak(where))
        found.append(measure(row, variant, given.seconds, where))
        print(found[-1], flush=True)
    table = pd.DataFrame(found)
    table["gflop_per_second"] = 1e3 * table["gflop"] / table["ms"]
    table["of_peak"] = table["gflop_per_second"] / statistics.median(peaks)
    table["variant"], table["n_critic"], table["peak_gflop_per_second"] = given.variant, given.n_critic, peaks
    table["device"], table["torch"] = execute.device_name(where), torch.__version__
    table["machine"], table["date"] = platform.machine(), date.today().isoformat()
    print(table.round(3).to_string(index=False))
    if given.to:
        given.to.parent.mkdir(parents=True, exist_ok=True)
        table.round(4).to_csv(given.to, index=False)


if __name__ == "__main__":
    main()
