"""Five questions about training, answered from the losses of a run and the quality of its snapshots.

Does the loss track quality; when would a rule on the loss have stopped, and at what cost; does the discriminator's loss
end oscillating around 0; what shape has the generator's; is training longer harmful. Pure functions of one run's
history.csv and its cfid curve (a series, update → cfid, ascending), and of the answers of several seeds. A
discriminator's loss is analysed for one variant at a time: its scale is not comparable across variants.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from ganspeed.compare.statistics import MIN_PAIRS
from ganspeed.params.blocks import StoppingRule

MIN_POINTS = 5  # snapshots that a rank correlation needs
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds with its interval; all None if no seed has a value, the interval None below MIN_PAIRS."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Tail:
    """The end of a loss curve: mean and sd over `rows` logged rows, share of neighbouring rows that differ in sign."""

    mean: float
    sd: float
    sign_changes: float
    rows: int


@dataclass(frozen=True)
class Shape:
    """How a loss runs over updates: Spearman's rho with them, R² of a parabola, its end over its beginning."""

    trend: float  # -1: it falls throughout
    parabola: float  # 1: it is one
    end: float  # 0: it ends at 0; below 0: it ends beyond 0; NaN if it begins at 0


@dataclass(frozen=True)
class Stop:
    """The update at which a rule would have stopped a run (None: never), and the cfid of the run there."""

    update: int | None
    cfid: float


def aligned(history: pd.DataFrame, cfid: pd.Series, column: str) -> pd.DataFrame:
    """The loss and the cfid of each snapshot: one row per snapshot with the columns update, loss, cfid.

    `loss` is the mean over the rows logged after the previous snapshot and up to this one: a row is one batch, and the
    mean of an interval is less noisy than the row nearest to the snapshot. Snapshots without such a row, such as update
    0, are left out. The grid is logarithmic: intervals grow longer and their means less noisy.
    """
    rows = history.dropna(subset=column)
    edges = cfid.index.to_numpy()
    interval = np.searchsorted(edges, rows["update"], side="left")  # index of the first snapshot at or after the row
    inside = interval < len(edges)
    means = rows[column][inside].groupby(edges[interval[inside]]).mean()
    return pd.DataFrame({"update": means.index, "loss": means.to_numpy(), "cfid": cfid.loc[means.index].to_numpy()})


def rank_correlation(points: pd.DataFrame) -> float | None:
    """Spearman's rho of loss and cfid (columns of `aligned`) over a run; None for few points or a constant.

    A discriminator's loss that rises while samples improve, and cfid falls, gives rho near -1. Both series have a
    trend, so that any monotone loss has a high |rho|; and snapshots of one run are not independent, hence no test
    within a run.
    """
    if len(points) < MIN_POINTS or points.loss.nunique() == 1 or points.cfid.nunique() == 1:
        return None
    return float(stats.spearmanr(points.loss, points.cfid).statistic)


def mean_correlation(rhos: Sequence[float], points: int) -> Estimate:
    """Mean over seeds of z = atanh rho (Fisher 1921, Metron 1), with its Student t interval, both transformed back.

    `points` is the number of snapshots of a run. A rho of ±1 has no finite z: it counts as half a step of rho closer to
    0, 6/(k³ - k) for k points.
    """
    most = 1 - 6 / (points**3 - points) if points >= MIN_POINTS else 1.0
    return _transformed([math.atanh(max(-most, min(most, rho))) for rho in rhos], math.tanh)


def mean_ratio(ratios: Sequence[float], least: float = 0.0) -> Estimate:
    """Geometric mean of positive ratios over seeds, with the Student t interval of their logarithms.

    The interval is cut off at `least`, the lowest value that such a ratio can have.
    """
    mean = _transformed([math.log(ratio) for ratio in ratios], math.exp)
    return mean if mean.low is None else replace(mean, low=max(mean.low, least))


def smoothed(losses: Sequence[float], rule: StoppingRule) -> list[float | None]:
    """The mean of the last `smooth` losses at each logged row; None for the first `skip` rows and with fewer losses."""
    first, window = rule.skip + rule.smooth - 1, rule.smooth
    return [
        math.fsum(losses[i - window + 1 : i + 1]) / window if i >= first else None for i in range(len(losses))
    ]  # fmt: skip


def stopping_row(losses: Sequence[float], rule: StoppingRule) -> int | None:
    """The row at which a patience rule on the discriminator's loss stops; None if it never does.

    Training stops as soon as the smoothed loss has not exceeded its best value by `min_delta` of its range so far for
    `patience` consecutive logged rows. The best value is the highest: while its loss rises, the discriminator separates
    real from generated images less and less well. The range makes the rule independent of the scale of the loss. Early
    stopping with patience as in Prechelt 1998 (Neural Networks: Tricks of the Trade).
    """
    best, lowest, waited = -math.inf, math.inf, 0
    for row, loss in enumerate(smoothed(losses, rule)):
        if loss is None:
            continue
        lowest = min(lowest, loss)
        if best == -math.inf or loss > best + rule.min_delta * (best - lowest):
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= rule.patience:
            return row
    return None


def stop(history: pd.DataFrame, cfid: pd.Series, rule: StoppingRule) -> Stop:
    """Where the rule stops a run, and the cfid of its newest snapshot by then, or of its last if it never stops.

    Raises ValueError for a run without snapshots.
    """
    if cfid.empty:
        raise ValueError("a run without snapshots has no cfid to stop at")
    rows = history.dropna(subset="d_loss")
    row = stopping_row(list(rows["d_loss"]), rule)
    if row is None:
        return Stop(None, float(cfid.iloc[-1]))
    update = int(rows["update"].iloc[row])
    return Stop(update, float(cfid[cfid.index <= update].iloc[-1]))


def tail(losses: Sequence[float], share: float) -> Tail | None:
    """Statistics of the last `share` of a loss, of at least two rows; None if there are fewer.

    Of independent values around 0 half the neighbours differ in sign, of a loss that has converged elsewhere none.
    """
    rows = np.asarray(losses[-max(2, math.ceil(share * len(losses))) :], dtype=float)
    if len(rows) < 2:
        return None
    changes = np.mean(np.sign(rows[1:]) * np.sign(rows[:-1]) < 0)
    return Tail(float(rows.mean()), float(rows.std(ddof=1)), float(changes), len(rows))


def shape(losses: pd.Series, share: float) -> Shape | None:
    """The shape of a loss (update → loss, ascending); None for few points or a constant.

    Beginning and end are the means of the first and the last `share` of its rows.
    """
    if len(losses) < MIN_POINTS or losses.nunique() == 1:
        return None
    updates, values = losses.index.to_numpy(dtype=float), losses.to_numpy(dtype=float)
    fitted = np.polynomial.Polynomial.fit(updates, values, 2)(updates)
    rest = np.sum((values - fitted) ** 2) / np.sum((values - values.mean()) ** 2)
    n = max(1, math.ceil(share * len(values)))
    first, last = values[:n].mean(), values[-n:].mean()
    trend = float(stats.spearmanr(updates, values).statistic)
    return Shape(trend, float(1 - rest), float(last / first) if first else math.nan)


def last_over_best(cfid: pd.Series) -> float:
    """cfid of the last snapshot divided by the lowest, >= 1; the lowest is biased by its selection."""
    return float(cfid.iloc[-1] / cfid.min())


def _transformed(values: list[float], inverse: Callable[[float], float]) -> Estimate:
    """Mean and t interval of values, both transformed back by `inverse`, an increasing function."""
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    mean = math.fsum(values) / n
    if n < MIN_PAIRS:
        return Estimate(inverse(mean), None, None, n)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / math.sqrt(n)
    return Estimate(inverse(mean), inverse(mean - half), inverse(mean + half), n)
