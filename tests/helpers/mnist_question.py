"""The program of "The MNIST GAN that does not converge" with its bugs as arguments, small enough to train in seconds.

z is uniform on [-1, 1], G has one hidden layer of 200 units and so has D, both learn by Adam at 1e-3 with batches of
128. The images are 8x8 digits in place of 28x28 ones. The program's five bugs: no activation of the hidden layers, a
sigmoid before a loss that applies one itself, weights and biases from N(0, 1), outputs of a sigmoid beside images of
another range, and two discriminators, of which the second, which judges generated images, is not trained.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganspeed.diagnosis import Evidence
from ganspeed.training import probes

PIXELS, LATENT, HIDDEN, BATCH, RATE = 64, 100, 200, 128, 1e-3
LOGGED, EARLY_LINT = 10, 30
Term = Callable[[Tensor], Tensor]  # scores (N,) → a value for each
# D's terms of real and of generated images, and G's.
BCE: tuple[Term, Term, Term] = (lambda s: softplus(-s), softplus, lambda s: softplus(-s))
ALL_REAL = (BCE[0], BCE[0], BCE[2])  # D is to take generated images for real: a misprint in an article
CRITIC = (lambda s: -s, lambda s: s, lambda s: -s)
COOPERATIVE_CRITIC = (lambda s: s, lambda s: -s, lambda s: -s)  # mean D(real) - mean D(fake), minimised


@dataclass
class Program:
    """Both players, and how they learn; `judge` scores generated images, and is D where that is shared."""

    G: nn.Module
    D: nn.Module
    judge: nn.Module
    terms: tuple[Term, Term, Term]

    def d_loss(self, D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """D's loss, with D in place of the one that is trained."""
        judge = D if self.judge is self.D else self.judge
        return self.terms[0](D(real)).mean() + self.terms[1](judge(fake)).mean()

    def g_loss(self, D: nn.Module, fake: Tensor) -> Tensor:
        """G's loss, likewise."""
        return self.terms[2]((D if self.judge is self.D else self.judge)(fake)).mean()


def program(*, act=True, logits=True, normal=False, tanh=True, twins=False, terms=BCE, pixels: int = PIXELS) -> Program:
    """The mended program, with the bugs that are asked for, for images of so many pixels."""
    torch.manual_seed(0)

    def layers(first: int, last: int, output: type[nn.Module] | None) -> nn.Sequential:
        parts = [nn.Linear(first, HIDDEN), nn.LeakyReLU(0.2) if act else nn.Identity(), nn.Linear(HIDDEN, last)]
        network = nn.Sequential(*parts, *([output()] if output else []), *([nn.Flatten(0)] if last == 1 else []))
        for name, weight in network.named_parameters():
            if normal:
                nn.init.normal_(weight)
            elif name.endswith("weight"):
                nn.init.xavier_uniform_(weight)
            else:
                nn.init.zeros_(weight)
        return network

    G = layers(LATENT, pixels, nn.Tanh if tanh else nn.Sigmoid)
    D, second = (layers(pixels, 1, None if logits else nn.Sigmoid) for _ in range(2))
    return Program(G, D, second if twins else D, terms)


def as_asked(**changes) -> Program:
    """The program with all of its bugs."""
    bugs = {"act": False, "logits": False, "normal": True, "tanh": False, "twins": True}
    return program(**(bugs | changes))


def digits(low: float = -1.0) -> Tensor:
    """Images (N, 64) in [low, 1]."""
    return torch.tensor(load_digits().data / 16 * (1 - low) + low, dtype=torch.float32)


def latents(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, LATENT, generator=generator) * 2 - 1


def trained(made: Program, images: Tensor, updates: int = 300, rate_g: float = RATE, rate_d: float = RATE) -> Evidence:
    """Train both players; returns what a run would have logged, without scores of its samples."""
    generator = torch.Generator().manual_seed(1)
    initial = {name: [w.clone() for w in network.parameters()] for name, network in (("G", made.G), ("D", made.D))}
    rates = {"G": rate_g, "D": rate_d}
    optimizers = {name: torch.optim.Adam(getattr(made, name).parameters(), rate) for name, rate in rates.items()}
    rows = []
    for update in range(updates + 1):
        real = images[torch.randint(len(images), (BATCH,), generator=generator)]
        fake = made.G(latents(BATCH, generator)).detach()
        row = {"update": update}
        if update:
            row |= _step(made, optimizers, real, fake, latents(BATCH, generator))
        if update % LOGGED == 0 or update == 1:
            rows.append(row | _probes(made, real, fake, initial, update in (0, EARLY_LINT, updates)))
    return Evidence(pd.DataFrame(rows), scores=None, logits=made.terms[0] is BCE[0])


def _step(made: Program, optimizers: dict, real: Tensor, fake: Tensor, z: Tensor) -> dict[str, float]:
    """One step of each player; returns what is logged of it."""
    on_real, on_fake, for_g = made.terms
    scores = made.D(real), made.judge(fake)
    parts = on_real(scores[0]).mean(), on_fake(scores[1]).mean()
    optimizers["D"].zero_grad()
    (parts[0] + parts[1]).backward()
    optimizers["D"].step()
    optimizers["G"].zero_grad()
    g_loss = for_g(made.judge(made.G(z))).mean()
    g_loss.backward()
    norm = torch.cat([w.grad.flatten() for w in made.G.parameters()]).norm()
    optimizers["G"].step()
    named = {"d_loss": parts[0] + parts[1], "g_loss": g_loss, "g/adversarial": g_loss, "d/real": parts[0]}
    named |= {"d/fake": parts[1], "gap": scores[0].mean() - scores[1].mean(), "probe/gradient_G": norm}
    return {name: value.item() for name, value in named.items()}


def _probes(made: Program, real: Tensor, fake: Tensor, initial: dict, lint: bool) -> dict[str, float]:
    with torch.no_grad():
        found = probes.score_probes(made.D(real), made.judge(fake)) | probes.image_probes(real, fake)
    found["moved_D"] = probes.moved(made.D.parameters(), initial["D"])
    if lint:
        z = latents(32, torch.Generator().manual_seed(2))
        found["bend_G"] = probes.bend(made.G, z[:16], z[16:])
        found["bend_D"] = probes.bend(made.D, real[:16], fake[:16])
        found["saturated"] = probes.saturated(fake)
        found["cosine"] = probes.cosine(lambda x: made.d_loss(made.D, real, x), lambda x: made.g_loss(made.D, x), fake)
        judged = (lambda D: D(fake)) if made.judge is made.D else (lambda D: made.judge(fake))
        found["fake_term_moved"] = probes.fake_term_moved(made.D, lambda D: made.d_loss(D, real, fake), judged)
    return {f"probe/{name}": float(value) for name, value in found.items()}
