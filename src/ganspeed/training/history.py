"""The rows of history.csv: what is logged of one update."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.objectives import Batch, Objective, gradient_norm, interpolate
from ganspeed.system.files import write_text
from ganspeed.training.draws import Draw, HeldOut
from ganspeed.training.probes import image_probes, moved, score_probes, small_weights
from ganspeed.training.state import Recipe, State, Step

PROFILE_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights of the real sample at which D's gradient norm is logged
PROFILE_SAMPLES = 16  # samples of a batch that it is the mean over; the usual 64 would double the cost of a row
Lender = Callable[[Draw], nn.Module]  # a draw → a network with what the draw has for it; the last call counts


def gradient_profile(D: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Mean gradient norm of D on the segments from generated to real samples: a scalar for each of PROFILE_WEIGHTS.

    One pass over x_hat = a x + (1 - a) x_fake for all a together, with the first derivative only, or one for each a
    where D's score of one sample depends on the others. It draws nothing and changes nothing. D is the discriminator
    after the update; the samples are the first PROFILE_SAMPLES of the batch of its last discriminator step.
    """
    real, fake = batch.real[:PROFILE_SAMPLES], batch.fake[:PROFILE_SAMPLES]
    mixtures = [interpolate(real, fake, a) for a in PROFILE_WEIGHTS]
    passes = mixtures if getattr(D, "ties_samples", False) else [torch.cat(mixtures)]
    with fast_convolutions(real.device):
        norms = torch.cat([gradient_norm(D, x_hat, differentiable=False) for x_hat in passes])
    norms = norms.chunk(len(PROFILE_WEIGHTS))
    return {f"profile_{a:.2f}": norm.mean() for a, norm in zip(PROFILE_WEIGHTS, norms, strict=True)}


def row_measures(
    G: Lender, D: Lender, objective: Objective, draw: Draw, fake: Tensor, held_out: HeldOut, start: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Column → what is measured of both networks after a logged update: diagnostics and probes, all scalars.

    draw, fake: of the update's last discriminator step; start: as in State.
    """
    batch = Batch(draw.real, fake, draw.z, draw.u, draw.labels, draw.others)
    first = D(draw.first(PROFILE_SAMPLES))  # sees these samples several times, one group after another
    diagnostics = gradient_profile(first, batch) | objective.row_diagnostics(first)
    return prefixed("diagnostics", diagnostics) | row_probes(G, D, draw, held_out, start)


@torch.no_grad()
def row_probes(G: Lender, D: Lender, draw: Draw, held_out: HeldOut, start: dict[str, Tensor]) -> dict[str, Tensor]:
    """Column → probe of every row, a scalar. The generated images are the present G's."""
    with fast_convolutions(draw.real.device):
        fake = G(draw)(draw.z)
        judge = D(draw)
        scores = [judge(draw.real), judge(fake)]
        if held_out:
            images, labels = held_out
            scores.append(D(draw._replace(real=images, labels=labels))(images))
    probes = score_probes(*scores) | image_probes(draw.real, fake)
    networks = {"G": list(G(draw).parameters()), "D": list(D(draw).parameters())}
    probes |= {f"moved_{name}": moved(weights, [start[name]]) for name, weights in networks.items()}
    probes |= {f"small_weights_{name}": small_weights(weights) for name, weights in networks.items()}
    return prefixed("probe", probes)


def prefixed(kind: str, named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{kind}/{name}": value for name, value in named.items()}


def first_row(state: State, draw: Draw, held_out: HeldOut) -> dict[str, float]:
    """The row of update 0: the probes of the networks before training, and no losses. draw: of update 1, step 0."""
    probes = row_probes(state.G.lent, state.D.lent, draw, held_out, state.start)
    return {"update": 0, "d_updates": 0, "images_seen": 0} | on_host(probes)


def history_row(update: int, recipe: Recipe, step: Step) -> dict[str, float]:
    """One row of history.csv: column → value, copied to the host in one transfer.

    Columns: update, d_updates, images_seen; d_loss, g_loss, gap; d/<term> and g/<term> of both losses,
    diagnostics/<name> and probe/<name>. Those of D are of the update's last discriminator step.
    """
    discriminator, generator = step.discriminator, step.generator
    named = {"d_loss": discriminator.total(), "g_loss": generator.total(), "gap": discriminator.gap}
    named |= prefixed("d", discriminator.loss) | prefixed("g", generator.loss)
    named |= prefixed("diagnostics", discriminator.diagnostics) | step.measures()
    done = recipe.counts
    counts = {"update": update, "d_updates": done.d_updates(update), "images_seen": done.images(update)}
    return counts | on_host(named)


def on_host(named: dict[str, Tensor]) -> dict[str, float]:
    """Scalars as plain numbers, copied in one transfer."""
    values = torch.stack([value.detach().double() for value in named.values()]).tolist()
    return dict(zip(named, values, strict=True))


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write history.csv: one line for each row, floats with all digits that reading them back needs.

    A cell is empty where a row has no value or NaN. The columns of the later rows come first, since update 0 has few.
    """
    columns = dict.fromkeys(name for row in [*rows[1:], *rows[:1]] for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["update"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: value for name, value in row.items() if not math.isnan(value)} for row in rows)
    write_text(path, text.getvalue())
