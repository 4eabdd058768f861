"""Named signs that a run went wrong without diverging, read off its finished history and scores.

They are told beside the run and are no part of its time to threshold: a flagged run counts like any other. The bounds
lie far outside of what healthy runs do; a critic's scale depends on its clip and penalty.
"""

import pandas as pd

from ganspeed.params.blocks import Flags

CRITIC, WEIGHT, COLLAPSE = "critic blow-up", "exploding lambda", "mode collapse"
LAMBDA = "diagnostics/lambda"


def flags_of(history: pd.DataFrame, scores: pd.DataFrame, real_modes: float | None, bounds: Flags) -> list[str]:
    """The flags of one run, in a fixed order.

    history: the rows of history.csv; scores: the run's columns update, metric, value; real_modes: what the metric
    `modes` gives for real images, None where that is not known.
    """
    modes = scores[scores["metric"] == "modes"].sort_values("update")["value"]
    raised = {
        CRITIC: "gap" in history and bool((history["gap"].abs() > bounds.gap).any()),
        WEIGHT: LAMBDA in history and bool((history[LAMBDA] > bounds.penalty_weight).any()),
        COLLAPSE: real_modes is not None and len(modes) > 0 and modes.iloc[-1] < bounds.modes * real_modes,
    }
    return [name for name, there in raised.items() if there]
