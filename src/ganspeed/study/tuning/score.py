"""How fast one run was, in one number and without a threshold."""

import io
import math

import pandas as pd

from ganspeed.compare.times import curves_of, log_area
from ganspeed.scoring.store import score_task
from ganspeed.scoring.task import Task
from ganspeed.types import RunFacts


def trial_score(task: Task) -> tuple[float, bool]:
    """(score of one run, whether it diverged); the lower, the faster.

    The score is the mean of log cfid over log updates (see `log_area`): a recipe that needs half the updates for
    everything moves its curve left by log 2 on this axis, and lowers the mean in proportion to that and to how far the
    curve falls. A diverged run counts as if it had stayed at the worst cfid that it ever had, the untrained generator's
    included.
    """
    facts = {(task.variant, task.seed): RunFacts.of(task.record)}
    (run,) = curves_of(pd.read_csv(io.StringIO(score_task(task))), facts)
    return (math.log(max(run.cfid)), True) if run.failed else (log_area(run), False)
