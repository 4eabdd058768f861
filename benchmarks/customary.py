"""Updates per second of a study on a CPU over those of the loop as customarily written, run after run.

    python benchmarks/customary.py [--size 8] [--width 16] [--n-critic 5] [--updates 100] [--pairs 5] [...]

Same networks, batch and optimiser, made-up images, hyperparameters of the variant in params.yaml. The customary loop
has a DataLoader, a pass for real and one for generated samples, `.item()` after each step, and PyTorch's own choice of
threads. The study is one process of one thread a core, each with one run of the eager loop or with the lanes of an
engine. Both alternate; tracing and compiling come first and are told apart.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ganspeed import engines, params
from ganspeed.checkpoints import Checkpoints
from ganspeed.networks import Discriminator, Generator, LeakyReLU
from ganspeed.randomness import reproducible
from ganspeed.training import Recipe, Run, one_update

Z_DIM = 32
HIDDEN = {8: 0, 28: 256}


def recipe(given: argparse.Namespace, seed: int) -> Recipe:
    """The variant of params.yaml on made-up images; nothing is logged after the first update."""
    variant = params.load(Path("params.yaml")).variant(given.variant).resolved() | {"n_critic": given.n_critic}
    train = {"updates": 10**9, "batch_size": 64, "z_dim": Z_DIM, "width": given.width, "hidden": HIDDEN[given.size]}
    rare = {"log_every": 10**9, "checkpoint_every": 10**9, "grid_ratio": 1e3, "sample_grids": 2}
    return Recipe(seed, {**train, **rare, "ema_decay": 0.995}, variant, (1, given.size, given.size))


def pictures(size: int) -> Tensor:
    return torch.rand(1000, 1, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def customary(given: argparse.Namespace) -> Iterator[None]:
    """One update after the other of WGAN-GP as it is found in public repositories."""
    block = recipe(given, 0).variant
    optimizer, shape = block["optimizer"], (1, given.size, given.size)
    G, D = Generator(shape, Z_DIM, given.width), Discriminator(shape, given.width, HIDDEN[given.size])
    for name, module in list(D.layers.named_children()):
        if isinstance(module, LeakyReLU):
            setattr(D.layers, name, nn.LeakyReLU(0.2))
    betas = tuple(optimizer["betas"])
    optimizer_g = torch.optim.Adam(G.parameters(), optimizer["lr_g"], betas)
    optimizer_d = torch.optim.Adam(D.parameters(), optimizer["lr_d"], betas)
    loader = DataLoader(TensorDataset(pictures(given.size)), 64, shuffle=True, drop_last=True)
    losses = []
    batches = (real for _ in count() for (real,) in loader)
    while True:
        for _ in range(given.n_critic):
            real = next(batches)
            fake = G(torch.randn(64, Z_DIM)).detach()
            alpha = torch.rand(64, 1, 1, 1)
            x_hat = (alpha * real + (1 - alpha) * fake).requires_grad_()
            score = D(x_hat)
            (gradient,) = torch.autograd.grad(score, x_hat, torch.ones_like(score), create_graph=True)
            penalty = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
            loss_d = D(fake).mean() - D(real).mean() + block["lambda_gp"] * penalty
            optimizer_d.zero_grad()
            loss_d.backward()
            optimizer_d.step()
            losses.append(loss_d.item())
        loss_g = -D(G(torch.randn(64, Z_DIM))).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        losses.append(loss_g.item())
        yield


def work(given: argparse.Namespace, first_seed: int, pipe) -> None:
    """One process of the study: answers a number of updates with the seconds that they took in every lane."""
    from ganspeed.engines.lanes import Lanes

    torch.set_num_threads(1)
    reproducible()
    with tempfile.TemporaryDirectory() as folder:
        root, images = Path(folder), pictures(given.size)
        recipes = [recipe(given, first_seed + lane) for lane in range(engines.at_once(given.engine))]
        runs = [
            Run(r, images, torch.zeros(1000, dtype=torch.int64), root / str(r.seed), Checkpoints(root / "c", {}), print)
            for r in recipes
        ]
        if given.engine == engines.EAGER:
            update = partial(one_update, runs[0].state, runs[0].draws)
        else:
            update = Lanes(runs, given.engine == engines.COMPILED).one_update
        update()
        pipe.send(None)
        while (updates := pipe.recv()) is not None:
            start = time.perf_counter()
            for _ in range(updates):
                update()
            pipe.send(time.perf_counter() - start)


def study(pipes: list, updates: int, lanes: int) -> float:
    """Updates per second in total."""
    for pipe in pipes:
        pipe.send(updates)
    return sum(lanes * updates / pipe.recv() for pipe in pipes)


def alone(loop: Iterator[None], updates: int) -> float:
    start = time.perf_counter()
    for _ in range(updates):
        next(loop)
    return updates / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=8, choices=HIDDEN)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--variant", default="wgan_gp", help="one with Adam and a gradient penalty")
    parser.add_argument("--n-critic", type=int, default=5)
    parser.add_argument("--engine", default=engines.COMPILED, choices=(engines.EAGER, engines.TRACED, engines.COMPILED))
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    context, cores = multiprocessing.get_context("spawn"), len(os.sched_getaffinity(0))
    ends = [context.Pipe() for _ in range(cores)]
    lanes = engines.at_once(given.engine)
    workers = [context.Process(target=work, args=(given, k * lanes, end)) for k, (_, end) in enumerate(ends)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    pipes = [pipe for pipe, _ in ends]
    for pipe in pipes:
        pipe.recv()
    prepared = time.perf_counter() - start
    print(f"{cores} processes, {given.engine}, {lanes} at once in each, ready after {prepared:.0f} s", flush=True)
    loop, ratios, rates = customary(given), [], []
    alone(loop, 5)
    for _ in range(given.pairs):
        one, many = alone(loop, given.updates), study(pipes, given.updates, lanes)
        ratios.append(many / one)
        rates.append((one, many))
        print(f"customary {one:.1f}/s, study {many:.1f}/s, ratio {ratios[-1]:.2f}", flush=True)
    for pipe in pipes:
        pipe.send(None)
    one, many = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), {cores} cores")
    print(f"being ready is paid back after {prepared / (1 / one - 1 / many):.0f} updates in total")


if __name__ == "__main__":
    main()
