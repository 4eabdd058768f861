"""The loop as GANs are customarily trained in public repositories, and networks to train by it and by ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from ganspeed.errors import UserError
from ganspeed.networks.discriminator import Discriminator, new_discriminator
from ganspeed.networks.generator import new_generator
from ganspeed.networks.layers import LeakyReLU
from ganspeed.params.datasets import Train
from ganspeed.params.load import load_params
from ganspeed.params.networks import Networks, resolved
from ganspeed.params.optimizers import PlayerOptimizer
from ganspeed.params.variants import Variant
from ganspeed.training.state import Recipe


@dataclass(frozen=True)
class Sizes:
    """Sizes of G and D and of a batch."""

    shape: tuple[int, int, int]
    width: int
    hidden: int = 0
    z_dim: int = 32
    batch_size: int = 64


NETWORKS = {
    "8x8": Sizes((1, 8, 8), 16),
    "28x28": Sizes((1, 28, 28), 16, hidden=256),
    "mnist": Sizes((1, 28, 28), 64, hidden=256, z_dim=128, batch_size=50),  # nearest to WGAN-GP's, 1704.00028
    "dcgan": Sizes((3, 64, 64), 64, z_dim=100),  # 1511.06434
}


def blocks_of(sizes: Sizes) -> Networks:
    """The block `networks` of these sizes."""
    G, D = {"width": sizes.width}, {"width": sizes.width, "hidden": sizes.hidden}
    block = Networks.model_validate({"latent": {"dim": sizes.z_dim}, "G": G, "D": D})
    return resolved(block, sizes.shape[1])


def recipe(networks: Sizes, variant: str, n_critic: int | None, seed: int) -> Recipe:
    """The variant of params.yaml on these networks; nothing is logged after the first update."""
    block = load_params(Path("params.yaml")).variant(variant).method()
    rare = {"log_every": 10**9, "checkpoint_every": 10**9, "grid_ratio": 1.5, "sample_grids": 2}
    train = Train(updates=10**9, batch_size=networks.batch_size, ema_decay=0.995, precision="float32", **rare)
    changes = {"n_critic": n_critic} if n_critic else {}
    return Recipe(seed, train, blocks_of(networks), block.model_copy(update=changes), networks.shape)


def pictures(shape: tuple[int, int, int]) -> Tensor:
    """A thousand made-up images in [-1, 1]."""
    return torch.rand(1000, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def customary(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """One update after the other: a DataLoader, passes of their own for real and generated images, `.item()`."""
    block, train = recipe.variant, recipe.train
    n, z_dim = train.batch_size, recipe.latents.size
    G = new_generator(recipe.networks, recipe.shape, z_dim).to(device)
    D = with_torchs_layers(new_discriminator(recipe.networks, recipe.shape)).to(device)
    optimizer_g, optimizer_d = optimizer(G, block.optimizer.G), optimizer(D, block.optimizer.D)
    loader = DataLoader(TensorDataset(pictures(recipe.shape)), n, shuffle=True, drop_last=True)
    batches = (real for _ in count() for (real,) in loader)
    discriminator_loss, generator_loss = LOSSES[block.objective](block)
    losses = []
    while True:
        for _ in range(recipe.variant.n_critic):
            real = next(batches).to(device)
            fake = G(torch.randn(n, z_dim, device=device)).detach()
            loss = discriminator_loss(D, real, fake)
            optimizer_d.zero_grad()
            loss.backward()
            optimizer_d.step()
            if block.objective == "wgan":
                for weight in D.parameters():
                    weight.data.clamp_(-block.clip, block.clip)
            losses.append(loss.item())
        loss = generator_loss(D(G(torch.randn(n, z_dim, device=device))))
        optimizer_g.zero_grad()
        loss.backward()
        optimizer_g.step()
        losses.append(loss.item())
        yield


def with_torchs_layers(D: Discriminator) -> Discriminator:
    for layers in (D.layers, D.dense):
        for name, module in list(layers.named_children()):
            if isinstance(module, LeakyReLU):
                setattr(layers, name, nn.LeakyReLU(module.slope))
    return D


def optimizer(network: nn.Module, block: PlayerOptimizer) -> torch.optim.Optimizer:
    match block.name:
        case "adam":
            return torch.optim.Adam(network.parameters(), block.lr, block.betas)
        case "rmsprop":
            return torch.optim.RMSprop(network.parameters(), block.lr, alpha=block.alpha)
    raise UserError(f"optimizer.name: {block.name!r} is not one of 'adam', 'rmsprop', which this loop has")


def gan(block: Variant) -> tuple:
    def discriminator(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        ones, zeros = torch.ones(len(real), device=real.device), torch.zeros(len(fake), device=real.device)
        bce = F.binary_cross_entropy_with_logits
        return bce(D(real), ones) + bce(D(fake), zeros)

    return discriminator, lambda score: F.binary_cross_entropy_with_logits(score, torch.ones_like(score))


def wgan(block: Variant) -> tuple:
    return lambda D, real, fake: D(fake).mean() - D(real).mean(), lambda score: -score.mean()


def penalty(D: nn.Module, real: Tensor, fake: Tensor, alpha: Tensor | float) -> Tensor:
    x_hat = (alpha * real + (1 - alpha) * fake).requires_grad_()
    score = D(x_hat)
    (gradient,) = torch.autograd.grad(score, x_hat, torch.ones_like(score), create_graph=True)
    return ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def wgan_gp(block: Variant) -> tuple:
    def discriminator(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        alpha = torch.rand(len(real), 1, 1, 1).to(real.device)
        return D(fake).mean() - D(real).mean() + block.lambda_gp * penalty(D, real, fake, alpha)

    return discriminator, lambda score: -score.mean()


def iterative_penalty(block: Variant) -> tuple:
    """alpha and lambda as numbers of the host, from the last step's distance. docs/method.md has the law."""
    average, largest, seen = 0.0, 0.0, 0

    def discriminator(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        nonlocal average, largest, seen
        rho = 1.0
        if seen:
            now = average / (1 - block.beta**seen)
            largest = max(largest, now)
            rho = now / largest if seen >= block.warmup else 1.0
        gap = D(real).mean() - D(fake).mean()
        average, seen = block.beta * average + (1 - block.beta) * abs(gap.item()), seen + 1
        return -gap + block.lambda_0 * rho**block.p * penalty(D, real, fake, 1 - rho)

    return discriminator, lambda score: -score.mean()


LOSSES = {"gan": gan, "wgan": wgan, "wgan_gp": wgan_gp, "iterative_penalty": iterative_penalty}
