"""The rows of history.csv: what is logged of one update."""

import csv
import io
from pathlib import Path

import torch
from torch import Tensor, nn

from ganspeed.networks.fast_convolutions import fast_convolutions
from ganspeed.objectives import Batch, gradient_norm, interpolate
from ganspeed.system.files import write_text
from ganspeed.training.state import Recipe, Step

PROFILE_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights of the real sample at which D's gradient norm is logged
PROFILE_SAMPLES = 16  # samples of a batch that it is the mean over; the usual 64 would double the cost of a row


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


def history_row(update: int, recipe: Recipe, step: Step) -> dict[str, float]:
    """One row of history.csv: column → value, copied to the host in one transfer.

    Columns: update, d_updates, images_seen; d_loss, g_loss, gap; d/<term> and g/<term> of both losses, and
    diagnostics/<name>. Those of D are of the update's last discriminator step.
    """
    discriminator, generator = step.discriminator, step.generator
    named = {"d_loss": discriminator.total(), "g_loss": generator.total(), "gap": discriminator.gap}
    named |= {f"d/{name}": term for name, term in discriminator.loss.items()}
    named |= {f"g/{name}": term for name, term in generator.loss.items()}
    named |= {f"diagnostics/{name}": term for name, term in (discriminator.diagnostics | step.profile()).items()}
    values = torch.stack([term.detach().double() for term in named.values()]).tolist()
    done = recipe.counts
    counts = {"update": update, "d_updates": done.d_updates(update), "images_seen": done.images(update)}
    return counts | dict(zip(named, values, strict=True))


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Write history.csv: one line for each logged update, floats with all digits that reading them back needs."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else ["update"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
