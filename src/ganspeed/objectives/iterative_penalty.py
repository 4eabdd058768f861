"""Iterative penalty: x_hat and the penalty's weight follow the distance between generated and real data.

Our reading of Chen, Song, Yu 2019, Journal of Nanjing University of Science and Technology 43(1), 35-40, DOI
10.14177/j.cnki.32-1397n.2019.43.01.005, whose formulas are not at hand: see docs/method.md for what its text fixes.

The critic minimises E[D(x_fake)] - E[D(x)] + lambda E[(||∇D(x_hat)||₂ - 1)²], G minimises -E[D(x_fake)], and at
every critic step, everything detached:

    c      = |mean D(x) - mean D(x_fake)|  of the previous critic step
    s      = beta s + (1 - beta) c;  e = s / (1 - beta^n)   after n distances
    m      = max(m, e)
    rho    = clip(e / m, 0, 1);  1 before the first distance and during the first `warmup` critic steps
    alpha  = 1 - rho                       one value for the batch
    x_hat  = alpha x + (1 - alpha) x_fake
    lambda = max(floor, lambda_0 rho^p)    floor 0

The options change one line each; their defaults are the law above.

    distance   gap; gap_over_norm: c divided by the mean gradient norm at x_hat; sliced_wasserstein, energy: between the
               pixels of the step's own two batches, whose scale depends on no critic
    reference  max; first: m = the first e; decayed_max: m = max(reference_decay m, e)
    sides      two; one: E[max(0, ||∇D(x_hat)||₂ - 1)²]
"""

from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from ganspeed.objectives import (
    EPSILON,
    Batch,
    Fraction,
    HyperparameterError,
    Objective,
    Probability,
    Terms,
    gradient_norm,
    interpolate,
    norm_penalty,
    penalty_share,
    scores,
)

PROJECTIONS, PROJECTION_SEED = 64, 0  # of the sliced Wasserstein distance: the same in every run


class IterativePenalty(Objective):
    penalises_gradient = True
    our_reading_of = (
        "Chen, Song and Yu (2019), of which only the abstract, the introduction and the first paragraph of the "
        "method were at hand"
    )

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        alpha: Literal["iterative", "random", "batch_random", "fixed"],
        weight: Literal["iterative", "fixed"],
        lambda_0: PositiveFloat,
        p: PositiveFloat,
        beta: Fraction,
        warmup: NonNegativeInt,
        distance: Literal["gap", "gap_over_norm", "sliced_wasserstein", "energy"] = "gap",
        reference: Literal["max", "first", "decayed_max"] = "max",
        reference_decay: Probability = 0.999,
        floor: NonNegativeFloat = 0.0,
        sides: Literal["two", "one"] = "two",
    ):
        """
        alpha: interpolation of x_hat: by rho, random per sample, random per batch, or fixed at 0.5
        weight: iterative: lambda follows rho; fixed: it stays lambda_0
        lambda_0: weight of the gradient penalty at rho 1
        p: exponent of rho in lambda
        beta: memory of the distance's moving average; 0: the last distance alone
        warmup: critic steps at the start with rho held at 1
        distance: what rho follows: the gap of the critic's scores, or a distance between pixels
        reference: what rho divides by: the largest distance, the first, or a largest one that decays
        reference_decay: decay of that largest one in a critic step, for reference decayed_max
        floor: lambda is never below it
        sides: two: gradient norms below 1 are penalised as well; one: those above alone
        """
        super().__init__()
        if floor > lambda_0:
            raise HyperparameterError(f"floor: {floor!r} is not <= lambda_0, which is {lambda_0!r}")
        self.n_critic = n_critic
        self.alpha, self.weight, self.signal, self.rule, self.sides = alpha, weight, distance, reference, sides
        self.lambda_0, self.p, self.floor = lambda_0, p, floor
        self.beta, self.warmup, self.reference_decay = beta, warmup, reference_decay
        for name in ("distance", "average", "reference", "seen"):  # c, s, m and n, carried in float64
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        self.register_buffer("directions", None, persistent=False)  # made at the first batch, of its shape

    def ema(self) -> Tensor:
        """e, the bias-corrected moving average of the distances; 0 before the first."""
        return self.average / (1 - self.beta**self.seen).clamp_min(EPSILON)

    def rho(self) -> Tensor:
        """The present distance over the reference, in [0, 1]."""
        rho = (self.ema() / self.reference.clamp_min(EPSILON)).clamp(0, 1)
        return torch.where(self.seen < max(self.warmup, 1), torch.ones_like(rho), rho)

    def interpolation_weight(self, rho: Tensor, u: Tensor) -> Tensor:
        """alpha, the weight of the real sample: (N, 1, 1, 1) where it is drawn per sample, else a scalar."""
        match self.alpha:
            case "iterative":
                return 1 - rho
            case "random":
                return u
            case "batch_random":
                return u[0, 0, 0, 0]
            case "fixed":
                return torch.full_like(rho, 0.5)

    def penalty_weight(self, rho: Tensor) -> Tensor:
        """lambda, a scalar."""
        weight = self.lambda_0 * (rho**self.p if self.weight == "iterative" else torch.ones_like(rho))
        return weight.clamp_min(self.floor)

    @torch.no_grad()
    def measured(self, batch: Batch, gap: Tensor, norm: Tensor) -> Tensor:
        """c, the distance between this step's real and generated samples, a scalar >= 0."""
        match self.signal:
            case "gap":
                return gap.abs()
            case "gap_over_norm":
                return gap.abs() / norm.mean().clamp_min(EPSILON)
            case "sliced_wasserstein":
                if self.directions is None:
                    self.directions = directions(batch.real[0].numel()).to(batch.real)
                return sliced_wasserstein(batch.real.flatten(1), batch.fake.flatten(1), self.directions)
            case "energy":
                return energy_distance(batch.real.flatten(1), batch.fake.flatten(1))

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        rho = self.rho().to(gap.dtype)
        alpha, weight = self.interpolation_weight(rho, batch.u), self.penalty_weight(rho)
        norm = gradient_norm(D, interpolate(batch.real, batch.fake, alpha))
        penalty = norm_penalty(norm, self.sides)
        weighted = weight * penalty
        diagnostics = {
            "distance": self.distance.clone(),
            "ema": self.ema(),
            "reference": self.reference.clone(),
            "rho": rho,
            "alpha": alpha.mean(),
            "lambda": weight,
            "penalty": penalty,
            "share": penalty_share(gap, weighted),
            "grad_norm": norm.mean(),
        }
        self.distance.copy_(self.measured(batch, gap, norm))
        return Terms({"wasserstein": -gap, "penalty": weighted}, diagnostics, gap)

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})

    @torch.no_grad()
    def after_discriminator_step(self, D) -> None:
        self.seen += 1
        self.average.lerp_(self.distance, 1 - self.beta)
        self.reference.copy_(self.next_reference())

    def next_reference(self) -> Tensor:
        """m, the reference of rho, from the last m and the newest e."""
        match self.rule:
            case "max":
                return torch.maximum(self.reference, self.ema())
            case "first":
                return torch.where(self.seen == 1, self.ema(), self.reference)
            case "decayed_max":
                return torch.maximum(self.reference_decay * self.reference, self.ema())


def directions(d: int) -> Tensor:
    """Directions of projection, (d, PROJECTIONS), uniform on the unit sphere; a function of d alone."""
    drawn = torch.randn(d, PROJECTIONS, generator=torch.Generator().manual_seed(PROJECTION_SEED))
    return drawn / drawn.norm(dim=0)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Sliced Wasserstein-2 distance of two samples of equal size. x, y: (N, d); directions: (d, P).

    The square root of the mean over directions of the squared distance of the sorted projections: Bonneel et al. 2015,
    Journal of Mathematical Imaging and Vision 51. Two samples of one distribution are above 0, less with a larger N.
    """
    return ((x @ directions).sort(dim=0).values - (y @ directions).sort(dim=0).values).square().mean().sqrt()


def energy_distance(x: Tensor, y: Tensor) -> Tensor:
    """Energy distance of two samples, sqrt(2 E|x - y| - E|x - x'| - E|y - y'|). x, y: (N, d).

    Székely, Rizzo 2013, Journal of Statistical Planning and Inference 143(8), over all pairs, a sample with itself
    among them: it is never negative, and two samples of one distribution are above 0, less with a larger N.
    """

    def mean_distance(a: Tensor, b: Tensor) -> Tensor:
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").mean()

    return (2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)).clamp_min(0).sqrt()
