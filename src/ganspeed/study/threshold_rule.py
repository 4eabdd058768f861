"""The rule that sets threshold and length from pilot runs, before any run of the study."""

from dataclasses import dataclass
from statistics import median

from ganspeed.compare.times import THRESHOLDS, RunCurve
from ganspeed.training.snapshot_grid import budget


@dataclass(frozen=True)
class Rule:
    """Where pilot runs level off, and the length and thresholds that follow; those of params if there are reasons."""

    plateau: int | None  # the update of the snapshot; None without a plateau
    cfid: float  # lowest median
    updates: int  # U, the smallest whose B is at least 1.5 x plateau
    threshold: dict[str, float]  # tau25, tau, tau75 and, where the pilots have cfid_second, tau_second
    reasons: tuple[str, ...] = ()  # why the study can be a demo only


def find_plateau(runs: list[RunCurve], grid_ratio: float) -> Rule | None:
    """The rule applied to pilot runs; None if they have not levelled off before the end of their grid.

    Plateau: the first snapshot from which the median cfid stays within 10 % of its minimum. tau25, tau and tau75 are
    the median cfid at the snapshots nearest to a quarter, a half and three quarters of it; tau_second is the median
    cfid_second at the snapshot of tau.
    """
    updates = runs[0].updates
    curve = [median(run.cfid[i] for run in runs) for i in range(len(updates))]
    within = [value <= 1.1 * min(curve) for value in curve]
    first = next(i for i in range(len(curve)) if all(within[i:])) if within[-1] else None
    if first is None or first >= len(updates) - 3:
        return None

    def nearest(part: float) -> int:
        return min(range(len(updates)), key=lambda i: (abs(updates[i] - part * updates[first]), i))

    length = next(u for u in range(12, 4 * updates[-1]) if budget(u, grid_ratio) >= 1.5 * updates[first])
    taus = {name: curve[nearest(part)] for name, part in zip(THRESHOLDS, (0.25, 0.5, 0.75), strict=True)}
    if all(run.second for run in runs):
        taus["tau_second"] = median(run.second[nearest(0.5)] for run in runs)
    return Rule(updates[first], min(curve), length, taus)
