"""Rows of artifacts/comparison/<dataset>.json: the names of the fields are the keys of the file.

Ratios are above 1 if the new arm needs less.
"""

from dataclasses import dataclass

from ganspeed.compare.differences import Difference
from ganspeed.compare.statistics import Effect


@dataclass(frozen=True)
class Guard:
    """What the arm that is ahead must not have paid for its speed."""

    value: float | None  # as measured; None if it is not finite or cannot be computed
    bound: float
    ok: bool


@dataclass(frozen=True, kw_only=True)
class Row(Effect):
    """One comparison: two variants on one axis at one threshold, over their paired seeds up to the pair's horizon."""

    new: str
    reference: str
    axis: str  # updates, d_updates, images or seconds
    threshold: str  # tau25, tau, tau75 or second
    reached_new: int  # runs of the new arm that reach the threshold within the horizon
    reached_reference: int
    rmst_new: float  # restricted mean: of min(T, horizon), in units of the axis
    rmst_reference: float
    planned: bool = False
    differs: tuple[Difference, ...] = ()  # beside the method: such a pair gets no verdict
    same_as: str | None = None  # an earlier axis on which the pair compares alike
    # The rest is set for planned comparisons on the primary axis at tau only; the sentence for all pairs there.
    guards: dict[str, Guard] | None = None  # final_cfid, coverage, failures, tau25, tau75, second
    step: float | None = None  # of the snapshot grid around T, as a ratio; None if a T is the first snapshot
    p_holm: float | None = None
    verdict: str | None = None
    reason: str | None = None  # why the verdict is NO EVIDENCE, or there is none
    sentence: str | None = None


@dataclass(frozen=True)
class TimeToThreshold:
    """One run on one axis at one threshold, at the run's own horizon."""

    variant: str
    seed: int
    axis: str
    threshold: str
    time: float  # min(T, horizon) in units of the axis
    reached: bool
