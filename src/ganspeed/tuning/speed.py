"""How fast one run was, in one number and without a threshold."""

import io
import math

import pandas as pd

from ganspeed.scoring import Task, score


def score_run(task: Task) -> tuple[float, bool]:
    """(score of one run, whether it diverged); the lower, the faster.

    The score is the area under log cfid over log updates (see `log_area`), of the snapshots after update 0. A diverged
    run counts as if it had stood at the worst cfid that it ever had, the untrained generator's included.
    """
    scores = pd.read_csv(io.StringIO(score(task)))
    cfid = scores[scores["metric"] == "cfid"]
    curve = dict(zip(cfid["update"].tolist(), cfid["value"].tolist(), strict=True))
    if task.record["status"] == "diverged":
        return math.log(max(curve.values())), True
    return log_area([u for u in curve if u > 0], [v for u, v in curve.items() if u > 0]), False


def log_area(updates: list[int], cfid: list[float]) -> float:
    """Mean of log cfid over log updates by the trapezoid rule; updates > 0, ascending, at least two.

    It measures speed without a threshold: a recipe that needs half the updates for everything moves its curve left by
    log 2 on this axis, and lowers the mean in proportion to that and to how far the curve falls.
    """
    x, y = [math.log(u) for u in updates], [math.log(v) for v in cfid]
    areas = [(x[i + 1] - x[i]) * (y[i + 1] + y[i]) / 2 for i in range(len(x) - 1)]
    return math.fsum(areas) / (x[-1] - x[0])
