"""Flags of runs that went wrong without diverging, computed from their history and scores.

The report shows them beside the run; they do not change its time to threshold: a flagged run counts like any other. The
bounds lie far beyond the values of healthy runs; a discriminator's scale depends on its clip and penalty.
"""

import pandas as pd

from ganspeed.params.blocks import Flags

BLOW_UP, EXPLODING_LAMBDA, MODE_COLLAPSE = "critic blow-up", "exploding lambda", "mode collapse"
LAMBDA_COLUMN = "diagnostics/lambda"


def flags_of(history: pd.DataFrame, scores: pd.DataFrame, real_modes: float | None, bounds: Flags) -> list[str]:
    """The flags of one run, in a fixed order.

    history: the rows of history.csv; scores: columns update, metric, value; real_modes: the metric `modes` of real
    images, None if it is not known.
    """
    modes = scores[scores.metric == "modes"].sort_values("update").value
    raised = {
        BLOW_UP: "gap" in history and bool((history.gap.abs() > bounds.gap).any()),
        EXPLODING_LAMBDA: LAMBDA_COLUMN in history and bool((history[LAMBDA_COLUMN] > bounds.penalty_weight).any()),
        MODE_COLLAPSE: real_modes is not None and len(modes) > 0 and modes.iloc[-1] < bounds.modes * real_modes,
    }
    return [name for name, is_raised in raised.items() if is_raised]
