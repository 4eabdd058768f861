"""How likely a verdict is: complete simulated studies, guards included, from what a few pilot runs did.

The simulated studies go through `evidence` and `decide`, as the real one does.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from ganspeed.compare.rounding import rounded
from ganspeed.compare.statistics import ALPHA
from ganspeed.compare.times import ALL_THRESHOLDS, RunCurve, grid_step, log_cfid, taus_of, time_to_threshold
from ganspeed.compare.verdict import FASTER, Arm, decide, evidence
from ganspeed.errors import UserError
from ganspeed.params.blocks import Protocol
from ganspeed.params.datasets import Threshold
from ganspeed.training.snapshot_grid import budget, snapshot_updates

QUANTITIES = (*ALL_THRESHOLDS, "final", "coverage")  # of a simulated run, in this order
ENOUGH_POWER = 0.8
MIN_SD = {**dict.fromkeys(ALL_THRESHOLDS, 0.10), "final": 0.05, "coverage": 0.01}


@dataclass(frozen=True)
class PilotModel:
    """A normal model of one run: log times to the four thresholds, log final cfid, coverage.

    mean: (6,), covariance: (6, 6), both in the order of QUANTITIES; failures: share of pilot runs that diverged;
    updates and grid_ratio: of the study to come, whose grid determines the possible times.
    """

    mean: np.ndarray
    covariance: np.ndarray
    failures: float
    updates: int
    grid_ratio: float

    @property
    def sd_log_time(self) -> float:
        """Standard deviation of log T at tau between seeds of one arm."""
        return math.sqrt(self.covariance[1, 1])


def pilot_model(
    runs: list[RunCurve], threshold: Threshold, protocol: Protocol, updates: int, grid_ratio: float
) -> PilotModel:
    """The model of pilot runs of one variant, for a study of `updates` and `grid_ratio`.

    Final cfid and coverage are those of the snapshot nearest to `updates`, where the study will end; a threshold that a
    run never reached counts as its end. A handful of seeds may agree by chance, so no standard deviation is taken as
    less than MIN_SD: 10 % in a time, 5 % in a final cfid, 0.01 in coverage (variances are raised, covariances not).
    Raises UserError when every run diverged.
    """
    finished = sorted((run for run in runs if not run.failed), key=lambda run: run.seed)
    if not finished:
        raise UserError(f"all {len(runs)} pilot runs diverged: no model of a run follows from them")
    rows = np.array([_quantities(run, threshold, protocol, updates) for run in finished])
    covariance = np.atleast_2d(np.cov(rows, rowvar=False)) if len(rows) > 1 else np.zeros((len(QUANTITIES),) * 2)
    least = np.array([MIN_SD[name] ** 2 for name in QUANTITIES])
    covariance = covariance + np.diag(np.maximum(0, least - np.diag(covariance)))
    failures = 1 - len(finished) / len(runs)
    return PilotModel(rows.mean(axis=0), covariance, failures, updates, grid_ratio)


def _quantities(run: RunCurve, threshold: Threshold, protocol: Protocol, updates: int) -> list[float]:
    end, taus = run.updates[-1], taus_of(threshold)
    arrivals = [time_to_threshold(run, tau, protocol.consecutive, name) or end for name, tau in taus.items()]
    nearest = min(range(len(run.updates)), key=lambda i: (abs(run.updates[i] - updates), i))
    coverage = min(run.coverage, key=lambda point: (abs(point[0] - updates), point[0]))[1]
    return [*map(math.log, arrivals), log_cfid(run.cfid[nearest]), coverage]


def power(
    ratio: float, n: int, model: PilotModel, protocol: Protocol, rng: Generator, family: int = 1, studies: int = 2000
) -> float:
    """Share of simulated studies that end in FASTER, guards included, if the new arm is `ratio` times faster.

    Each study has n paired seeds. Both arms are drawn from the model, all times of the new one divided by `ratio`;
    final cfid and coverage are alike. Two choices make the figure a lower bound: the arms of a pair are independent
    (the pilot has one arm, and shared seeds can only help), and p is multiplied by `family`, the number of planned
    comparisons, the most that Holm's correction can do. A run diverges with the pilot's share of failures, and then
    reaches no threshold. The Monte Carlo error is at most 1.2 % at 2000 studies. The same state of `rng` gives the same
    number.
    """
    return simulate(ratio, n, model, protocol, rng, family, studies).count(FASTER) / studies


def simulate(
    ratio: float, n: int, model: PilotModel, protocol: Protocol, rng: Generator, family: int, studies: int
) -> list[str]:
    """The verdicts of simulated studies; see `power`. On the axis of generator updates, without demo reasons."""
    grid = snapshot_updates(model.updates, model.grid_ratio)
    verdicts = []
    for _ in range(studies):
        arms = [simulate_arm(n, model, grid, rng, faster) for faster in (ratio, 1.0)]
        row = rounded(evidence(*arms, "updates", protocol))
        row = replace(row, p_holm=None if row.p is None else min(1.0, family * row.p))
        verdicts.append(decide(row, (), protocol, None)[0])
    return verdicts


def simulate_arm(n: int, model: PilotModel, grid: list[int], rng: Generator, faster: float = 1.0) -> Arm:
    """One simulated arm of n seeds: times at snapshots of the grid, as they would be scored, up to B."""
    values = rng.multivariate_normal(model.mean, model.covariance, size=n, method="eigh")
    failed = (rng.random(n) < model.failures).tolist()
    places, horizon = np.log(grid[1:]), budget(model.updates, model.grid_ratio)
    at = {}
    for column, name in enumerate(ALL_THRESHOLDS):
        wanted = values[:, column] - math.log(faster)
        after = np.clip(np.searchsorted(places, wanted), 1, len(places) - 1)
        nearest = after - (wanted - places[after - 1] < places[after] - wanted)
        updates = [grid[1 + i] if wanted[k] <= places[-1] else math.inf for k, i in enumerate(nearest)]
        at[name] = [
            (horizon, False) if diverged or update > horizon else (update, True)
            for update, diverged in zip(updates, failed, strict=True)
        ]
    steps = [grid_step(grid, update) for update, _ in at["tau"]]
    return Arm("simulated", at, steps, values[:, 4].tolist(), values[:, 5].tolist(), failed)


def minimum_detectable_ratio(n: int, sd: float, family: int = 1) -> float:
    """The smallest speed-up that n pairs find with probability ENOUGH_POWER; infinite if n is too small to find any.

    sd: standard deviation of log time between seeds of one arm, the arms of a pair taken as independent. Of the test
    alone, without guards: the power of the paired t test at the level that 2^n sign flips attain within
    0.05 / `family`.
    """
    attained = 2 * math.floor(ALPHA / family / 2 * 2**n) / 2**n
    if attained == 0:
        return math.inf
    from statsmodels.stats.power import TTestPower  # see statistics.holm

    size = TTestPower().solve_power(nobs=n, alpha=attained, power=ENOUGH_POWER)
    return math.exp(float(size) * math.sqrt(2) * sd)
