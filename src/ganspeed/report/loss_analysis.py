"""Four questions about training, asked of what a run logged and of the quality of its snapshots.

Does the loss track quality; when would a rule on the loss have stopped, and at what cost; does the critic's loss end
oscillating around 0; is training longer harmful. Pure functions of one run's history.csv and its cfid curve (a series,
update → cfid, ascending), and of the answers of several seeds. Critic losses are asked one variant at a time: across
variants their scale means nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from ganspeed.params.blocks import StoppingRule

MIN_POINTS = 5  # snapshots without which there is no rank correlation
MIN_SEEDS = 6  # below it no interval is told, as in the comparison
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds with its interval; all None where no seed has a value, the interval None below 6 seeds."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Tail:
    """The end of a loss: mean and standard deviation over `rows` logged rows, share of neighbours of unlike sign."""

    mean: float
    sd: float
    sign_changes: float
    rows: int


@dataclass(frozen=True)
class Stop:
    """Where a rule would have stopped a run (None: nowhere), and the cfid it would have had there."""

    update: int | None
    cfid: float


def aligned(history: pd.DataFrame, cfid: pd.Series, column: str) -> pd.DataFrame:
    """A loss beside the quality it led to: one row per snapshot with the columns update, loss, cfid.

    `loss` is the mean over the rows logged after the snapshot before and up to this one: a row is one batch, and the
    mean of a stretch is less noisy than the row nearest to the snapshot. Snapshots without such a row, update 0 among
    them, are left out. The grid is logarithmic, so that stretches grow longer and their means less noisy.
    """
    rows = history.dropna(subset=column)
    edges = cfid.index.to_numpy()
    stretch = np.searchsorted(edges, rows["update"], side="left")  # of the first snapshot at or after the row
    inside = stretch < len(edges)
    means = rows[column][inside].groupby(edges[stretch[inside]]).mean()
    return pd.DataFrame({"update": means.index, "loss": means.to_numpy(), "cfid": cfid.loc[means.index].to_numpy()})


def rank_correlation(points: pd.DataFrame) -> float | None:
    """Spearman's rho of loss and cfid (columns of `aligned`) over a run; None for few points or a constant.

    Its sign is that of the loss: a critic's loss that rises as samples get harder to tell gives rho near -1. Both
    series have a trend, so that rho is high for anything that goes one way throughout; and snapshots of one run are no
    independent draws, hence no test within a run.
    """
    if len(points) < MIN_POINTS or points["loss"].nunique() == 1 or points["cfid"].nunique() == 1:
        return None
    return float(stats.spearmanr(points["loss"], points["cfid"]).statistic)


def mean_correlation(rhos: Sequence[float], points: int) -> Estimate:
    """Mean over seeds on Fisher's scale z = atanh rho, with the interval of Student's t there, both taken back.

    `points` is the number of snapshots of a run. A rho of ±1 has no finite z: it counts as half a step of rho below,
    6/(k³ - k) for k points. Fisher 1921, Metron 1.
    """
    most = 1 - 6 / (points**3 - points) if points >= MIN_POINTS else 1.0
    return _transformed([math.atanh(max(-most, min(most, rho))) for rho in rhos], math.tanh)


def mean_ratio(ratios: Sequence[float], least: float = 0.0) -> Estimate:
    """Geometric mean of positive ratios over seeds, with the interval of Student's t on their logarithms.

    `least` is what no ratio can be below: the interval, which does not know it, is cut off there.
    """
    mean = _transformed([math.log(ratio) for ratio in ratios], math.exp)
    return mean if mean.low is None else replace(mean, low=max(mean.low, least))


def smoothed(losses: Sequence[float], rule: StoppingRule) -> list[float | None]:
    """The mean of the last `smooth` losses at each logged row; None for `skip` rows and until there are enough."""
    first, window = rule.skip + rule.smooth - 1, rule.smooth
    return [
        math.fsum(losses[i - window + 1 : i + 1]) / window if i >= first else None for i in range(len(losses))
    ]  # fmt: skip


def stopping_row(losses: Sequence[float], rule: StoppingRule) -> int | None:
    """The row at which a patience rule on the critic's loss stops; None when it never does.

    Training stops as soon as the smoothed loss has not exceeded its best by `min_delta` of the range that it has had
    so far for `patience` logged rows on end. Best is highest: a critic whose loss still rises is one that tells real
    from generated images less and less well. The range makes the rule free of the loss' scale. Early stopping with
    patience as in Prechelt 1998 (Neural Networks: Tricks of the Trade) and its descendants.
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
    """Where the rule stops a run, and the cfid of the newest snapshot it has by then; of the last one if it never does.

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
    """The last `share` of a loss, at least two rows of it; None for fewer.

    Of independent values around 0 half the neighbours differ in sign, of a loss that has settled elsewhere none.
    """
    rows = np.asarray(losses[-max(2, math.ceil(share * len(losses))) :], dtype=float)
    if len(rows) < 2:
        return None
    changes = np.mean(np.sign(rows[1:]) * np.sign(rows[:-1]) < 0)
    return Tail(float(rows.mean()), float(rows.std(ddof=1)), float(changes), len(rows))


def last_over_best(cfid: pd.Series) -> float:
    """cfid of the last snapshot over the least of all, >= 1: the best is picked by the very noise that it has."""
    return float(cfid.iloc[-1] / cfid.min())


def _transformed(values: list[float], back) -> Estimate:
    """Mean and t interval of values, both taken back by an increasing function."""
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    mean = math.fsum(values) / n
    if n < MIN_SEEDS:
        return Estimate(back(mean), None, None, n)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / math.sqrt(n)
    return Estimate(back(mean), back(mean - half), back(mean + half), n)
