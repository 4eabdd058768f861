"""Replayed penalty: x_hat and the penalty's weight follow a recorded schedule, whatever the distance is now.

The yoked control of `iterative_penalty`: alpha and lambda were recorded in other runs (`ganspeed freeze-schedule`). If
a replay does as well as the feedback, then the schedule matters and the distance does not.

The critic minimises E[D(x_fake)] - E[D(x)] + lambda_t E[(||∇D(x_hat)||₂ - 1)²] with
x_hat = alpha_t x + (1 - alpha_t) x_fake; alpha_t and lambda_t are those of the t-th critic step in the schedule, beyond
its end the last ones. G minimises -E[D(x_fake)].
"""

import csv
import hashlib
import math
from pathlib import Path
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from ganspeed.objectives import (
    Batch,
    HyperparameterError,
    Objective,
    Sha256,
    Terms,
    gradient_norm,
    interpolate,
    norm_penalty,
    penalty_share,
    scores,
)

SCHEDULE_COLUMNS = ["d_update", "alpha", "lambda"]


class ReplayedPenalty(Objective):
    penalises_gradient = True
    our_reading_of = (
        "Chen, Song and Yu (2019), of which only the abstract, the introduction and the first paragraph of the "
        "method were at hand"
    )

    def __init__(
        self,
        *,
        n_critic: PositiveInt,
        schedule: str,
        schedule_sha256: Sha256,
        sides: Literal["two", "one"] = "two",
    ):
        """
        schedule: recording of alpha and lambda, a file beside params.yaml
        schedule_sha256: SHA-256 of that file
        sides: two: gradient norms below 1 are penalised as well; one: those above alone
        """
        super().__init__()
        self.n_critic, self.sides = n_critic, sides
        alphas, lambdas = read_schedule(Path(schedule), schedule_sha256)
        # The schedule is fixed by its hash: a checkpoint needs only the position in it.
        self.register_buffer("alphas", torch.tensor(alphas, dtype=torch.float64), persistent=False)
        self.register_buffer("lambdas", torch.tensor(lambdas, dtype=torch.float64), persistent=False)
        self.register_buffer("seen", torch.zeros(1, dtype=torch.int64))  # critic steps done

    def now(self, schedule: Tensor) -> Tensor:
        """The schedule's value at the present critic step, a scalar, selected on the device."""
        return schedule.index_select(0, self.seen.clamp_max(len(schedule) - 1)).reshape(())

    def discriminator_terms(self, D, batch: Batch) -> Terms:
        real, fake = scores(D, batch)
        gap = real.mean() - fake.mean()
        alpha, weight = (self.now(schedule).to(gap.dtype) for schedule in (self.alphas, self.lambdas))
        norm = gradient_norm(D, interpolate(batch.real, batch.fake, alpha))
        penalty = norm_penalty(norm, self.sides)
        weighted = weight * penalty
        diagnostics = {
            "alpha": alpha,
            "lambda": weight,
            "penalty": penalty,
            "share": penalty_share(gap, weighted),
            "grad_norm": norm.mean(),
        }
        return Terms({"wasserstein": -gap, "penalty": weighted}, diagnostics, gap)

    def generator_terms(self, D, batch: Batch) -> Terms:
        return Terms({"adversarial": -D(batch.fake).mean()})

    @torch.no_grad()
    def after_discriminator_step(self, D) -> None:
        self.seen += 1


def read_schedule(path: Path, sha256: str) -> tuple[list[float], list[float]]:
    """alpha in [0, 1] and lambda >= 0 of every critic step: a CSV of SCHEDULE_COLUMNS, a row per step from 1 on.

    A relative path starts at the process's working directory, the study's folder. Raises HyperparameterError when the
    file is missing, has another hash, or is not such a table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HyperparameterError(f"schedule: {str(path)!r} cannot be read: {error.strerror}") from None
    if (seen := hashlib.sha256(content).hexdigest()) != sha256:
        raise HyperparameterError(f"schedule_sha256: {str(path)!r} has {seen}, expected {sha256}")
    head, *rows = list(csv.reader(content.decode(errors="replace").splitlines())) or [[]]
    if head != SCHEDULE_COLUMNS or not rows:
        raise HyperparameterError(
            f"schedule: {str(path)!r} has the columns {head} and {len(rows)} rows, not {SCHEDULE_COLUMNS} "
            "and one row at least"
        )
    values = [value_of(row, step) for step, row in enumerate(rows, 1)]
    if None in values:
        step = values.index(None) + 1
        raise HyperparameterError(
            f"schedule: {str(path)!r}, row {step}: {rows[step - 1]} is not {step}, alpha in [0, 1], lambda >= 0"
        )
    return [alpha for alpha, _ in values], [weight for _, weight in values]


def value_of(row: list[str], step: int) -> tuple[float, float] | None:
    """alpha and lambda of a row of text; None if it is not a valid row of this critic step."""
    try:
        seen, alpha, weight = map(float, row)
    except ValueError:
        return None
    return (alpha, weight) if seen == step and 0 <= alpha <= 1 and 0 <= weight < math.inf else None
