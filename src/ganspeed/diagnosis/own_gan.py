"""One look at any pair of PyTorch networks: `ganspeed.diagnose`. Imports torch, and is imported by nobody else."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from ganspeed.diagnosis import Evidence, Findings, diagnosed
from ganspeed.diagnosis.loss_log import evidence_of_log
from ganspeed.errors import UserError
from ganspeed.params.blocks import Diagnosis
from ganspeed.training import probes

MOST = 512  # images that are looked at: their scores are compared pair by pair
RANGES = {torch.sigmoid: (0.0, 1.0), torch.tanh: (-1.0, 1.0)}  # output function → its values
Network = Callable[[Tensor], Tensor]
History = Path | str | pd.DataFrame | Mapping[str, Sequence[float]]
DiscriminatorLoss, GeneratorLoss = Callable[[Network, Tensor, Tensor], Tensor], Callable[[Network, Tensor], Tensor]


def diagnose(
    G: Network,
    D: Network,
    real: Tensor,
    z: Tensor,
    history: History | None = None,
    *,
    updates: int | None = None,
    logits: bool = True,
    losses: tuple[DiscriminatorLoss, GeneratorLoss] | None = None,
    bounds: Diagnosis | None = None,
) -> Findings:
    """What is wrong with a GAN of your own; printed, it is a table with what to try.

    G maps z (N, ...) to images, D images (N, ...) to a score for each. real: images as D is trained on them, in that
    range, two or more, as is z. history: losses by update, as `ganspeed diagnose --log` takes them.
    updates: trained so far; by default those of the history, or 0: initial weights are judged at update 0 alone.
    logits: whether the loss applies a sigmoid itself, as BCEWithLogitsLoss does; False for BCELoss.
    losses: (D, real, fake) → D's loss and (D, fake) → G's, by which is asked whether both players are opponents: of
    their gradients by the images `fake`, which neither may detach.

    Modules are copied, and neither they nor PyTorch's random numbers are changed; other callables are called as they
    are. Raises UserError for images, z or scores of other shapes, and for a history that cannot be read.
    """
    log = Evidence(pd.DataFrame({"update": []}), scores=None) if history is None else evidence_of_log(history)
    update = log.end if updates is None else updates
    _check_tensors(real=real, z=z)
    devices = [z.device] if z.is_cuda else []
    with torch.random.fork_rng(devices), torch.enable_grad():
        G, D = (_copied(network) if isinstance(network, nn.Module) else network for network in (G, D))
        row = _look(G, D, real[:MOST].detach(), z[:MOST].detach(), update, losses, logits)
        finite = _weights_are_finite(G) and _weights_are_finite(D)
    of_outputs = (row["probe/distance_fake"], row["probe/score_real"], row["probe/score_fake"])
    diverged_at = None if finite and all(map(math.isfinite, of_outputs)) else update
    look = pd.DataFrame([{"update": update} | {name: value for name, value in row.items() if not math.isnan(value)}])
    table = log.history.set_index("update").combine_first(look.set_index("update")).reset_index()
    known = [at for at in (log.diverged_at, diverged_at) if at is not None]
    evidence = Evidence(table, None, logits, diverged_at=min(known, default=None), one_look=True)
    return diagnosed(evidence, bounds or Diagnosis())


def _copied(network: nn.Module) -> nn.Module:
    """A copy, of one with weights that a step computed as well, as `torch.nn.utils.spectral_norm` keeps them."""
    computed = (x for module in network.modules() for x in vars(module).values() if isinstance(x, Tensor))
    return copy.deepcopy(network, {id(x): x.detach().clone() for x in computed if not x.is_leaf})


def _weights_are_finite(network: Network) -> bool:
    return not isinstance(network, nn.Module) or all(weight.isfinite().all() for weight in network.parameters())


def _look(G: Network, D: Network, real: Tensor, z: Tensor, update: int, losses, logits: bool) -> dict[str, float]:
    """Column of history.csv → what is seen of the networks; NaN for what has no answer."""
    with torch.no_grad():
        fake = G(z)
    _check_tensors(**{"G(z)": fake})
    _check(real, z, fake)
    real_scores, fake_scores = (_scores(D, images, name) for images, name in ((real, "real"), (fake, "G(z)")))
    seen = probes.score_probes(real_scores, fake_scores) | probes.image_probes(real.flatten(1), fake.flatten(1))
    seen["saturated"] = probes.saturated(fake)
    seen["out_of_range"] = _out_of_range(real, fake, _ends_in(G, z), update)
    has_sigmoid = _ends_in(D, real) is torch.sigmoid
    if not has_sigmoid:  # scores of a D that is not trained may lie in [0, 1] by chance
        del seen["score_lowest"], seen["score_highest"]
    n = min(probes.PAIRED_SAMPLES, len(z) // 2, len(real))
    seen |= _bends({"G": (G, z[:n], z[n : 2 * n]), "D": (D, real[:n], fake[:n].view_as(real[:n]))})
    if losses:
        seen |= _opponents(D, real, fake, *losses)
    row = {f"probe/{name}": float(value) for name, value in seen.items()}
    return row | {"diagnostics/profile_0.00": float(_slope(D, fake, probabilities=has_sigmoid and not logits))}


def _check_tensors(**given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise UserError(f"{name}: {type(value).__name__}; allowed: a tensor")


def _check(real: Tensor, z: Tensor, fake: Tensor) -> None:
    for name, tensor in (("real", real), ("z", z)):
        if tensor.ndim < 2 or len(tensor) < 2:
            raise UserError(f"{name}: shape {tuple(tensor.shape)}; allowed: (N, ...) with N of 2 or more")
    if fake[0].numel() != real[0].numel():
        raise UserError(
            f"G(z): images of {tuple(fake.shape[1:])}, and real ones of {tuple(real.shape[1:])}; allowed: as many "
            "values in both"
        )
    if not real.isfinite().all():
        raise UserError("real: values that are not finite")


@torch.no_grad()
def _scores(D: Network, images: Tensor, name: str) -> Tensor:
    """D's scores, (N,)."""
    scores = D(images)
    _check_tensors(**{f"D({name})": scores})
    if scores.shape[:1] != (len(images),) or scores.numel() != len(images):
        n = len(images)
        raise UserError(f"D({name}): shape {tuple(scores.shape)}; allowed: a score for each image, ({n},) or ({n}, 1)")
    return scores.flatten()


@torch.no_grad()
def _ends_in(network: Network, x: Tensor) -> Callable[[Tensor], Tensor] | None:
    """The output function of a network, of those in RANGES."""
    if isinstance(network, nn.Module):
        network = copy.deepcopy(network).eval()  # two passes, without dropout between them
    before, output = probes.BeforeOutput(network)(x), network(x).reshape(len(x), -1)
    if torch.equal(before, output):  # there is none; near 0, tanh is hardly another function
        return None
    same_shape = before.shape == output.shape
    return next((f for f in RANGES if same_shape and torch.allclose(f(before), output, atol=1e-6)), None)


def _out_of_range(real: Tensor, fake: Tensor, function: Callable | None, update: int) -> float | Tensor:
    """Share of the real values outside the output function's range; without one outside that of a trained G's values.

    What G attains before training says nothing of what it could.
    """
    if function is None and update == 0:
        return math.nan
    low, high = RANGES[function] if function else (fake.min(), fake.max())
    return ((real < low - probes.RANGE_MARGIN) | (real > high + probes.RANGE_MARGIN)).float().mean()


def _bends(networks: Mapping[str, tuple[Network, Tensor, Tensor]]) -> dict[str, Tensor]:
    """The bend of each network that is a module and can be computed in float64."""
    found = {}
    for name, (network, a, b) in networks.items():
        try:
            found |= {f"bend_{name}": probes.bend(network, a, b)} if isinstance(network, nn.Module) else {}
        except RuntimeError:
            continue
    return found


def _opponents(
    D: Network, real: Tensor, fake: Tensor, d_loss: DiscriminatorLoss, g_loss: GeneratorLoss
) -> dict[str, Tensor]:
    found = {}
    if isinstance(D, nn.Module):  # first: it copies D, which a pass with gradients may leave unfit for that
        moved = probes.fake_term_moved(D, lambda d: d_loss(d, real, fake), lambda d: g_loss(d, fake))
        found["fake_term_moved"] = moved
    return found | {"cosine": probes.cosine(lambda x: d_loss(D, real, x), lambda x: g_loss(D, x), fake)}


def _slope(D: Network, fake: Tensor, probabilities: bool) -> Tensor:
    """Mean norm of D's gradient at generated images, over all values of an image; NaN where it can have none.

    Of probabilities that of their logits: a loss of log D falls as steeply where D is sure, although D itself is flat.
    """
    x = fake.detach().requires_grad_()
    scores = D(x).flatten()
    if not scores.requires_grad:  # of a function that computes without gradients
        return torch.tensor(math.nan)
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    norms = gradient.flatten(1).norm(dim=1)
    if probabilities:
        norms = norms / (scores * (1 - scores)).detach().clamp_min(torch.finfo(scores.dtype).tiny)
    return norms.mean()
