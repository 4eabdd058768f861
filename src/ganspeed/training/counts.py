"""Critic steps and batch sizes as functions of the update, and what they add up to. Imports no torch.

The only place that knows the units of the axes: critic updates and images are counted here, for the loop, its history,
the comparison and the report alike. A step of D is one, whether its optimiser takes one step in it or two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ganspeed.params.counts import Batches, WarmStart


@dataclass(frozen=True)
class Counts:
    """Updates are those of the generator, counted from 1."""

    n_critic: int
    batch_size: int  # of both players, where `batches` says no other
    warm_start: WarmStart | None = None
    batches: Batches = field(default_factory=Batches)
    head_start: int = 0  # D's steps before its others of the first update

    @classmethod
    def of(cls, variant: Mapping[str, Any], batch_size: int) -> Self:
        """Those of a variant's resolved block and of its data set's batch size."""
        warm_start, batches = variant.get("warm_start"), variant.get("batches")
        return cls(
            variant["n_critic"],
            batch_size,
            warm_start and WarmStart.model_validate(warm_start),
            Batches.model_validate(batches or {}),
            variant.get("head_start", 0),
        )

    @property
    def is_constant(self) -> bool:
        """Whether every update is like the first."""
        return self.warm_start is None and self.batches.grow is None and not self.head_start

    def critic_steps(self, update: int) -> int:
        """D's steps in this update; those of a head start are the first of update 1."""
        warm = self.warm_start
        is_warm = warm and (update <= warm.updates or (warm.every and (update - 1) % warm.every == 0))
        return (warm.steps if is_warm else self.n_critic) + (self.head_start if update == 1 else 0)

    @property
    def parts_of_d_step(self) -> tuple[str | None, ...]:
        """The terms of D that its optimiser steps on one after another in each of D's steps; None: on all at once."""
        return ("real", "fake") if self.batches.real_fake == "in_turn" else (None,)

    def d_optimizer_steps(self, update: int) -> int:
        """Steps of D's optimiser from the beginning to the end of this update."""
        return len(self.parts_of_d_step) * self.d_updates(update)

    def batch_of(self, player: Literal["G", "D"], update: int) -> int:
        """Images in a batch of this player's steps; of D's as many real ones as generated ones."""
        first, grow = getattr(self.batches, player) or self.batch_size, self.batches.grow
        if grow is None:
            return first
        return max(first, min(grow.largest, first * grow.factor ** min(64, (update - 1) // grow.every)))

    def d_updates(self, update: int) -> int:
        """D's steps from the beginning to the end of this update."""
        if update <= 0:
            return 0
        total = self.head_start + self.n_critic * update
        if (warm := self.warm_start) is None:
            return total
        first = min(update, warm.updates)
        later = max(0, -(-update // warm.every) - -(-first // warm.every)) if warm.every else 0
        return total + (warm.steps - self.n_critic) * (first + later)

    def images(self, update: int) -> int:
        """Real images that D was shown in its own steps, from the beginning to the end of this update."""
        if (grow := self.batches.grow) is None:
            return self.d_updates(update) * self.batch_of("D", 1)
        total, end, size = 0, 0, 0
        while end < update:
            start, end, before = end, min(update, end + grow.every), size
            size = self.batch_of("D", end)
            end = update if size == before else end  # it has reached the largest
            total += size * (self.d_updates(end) - self.d_updates(start))
        return total

    def units(self, update: int) -> dict[str, int]:
        """Axis → its units from the beginning to the end of this update."""
        return {"updates": update, "d_updates": self.d_updates(update), "images": self.images(update)}
