"""From scores to speeds: times to threshold, the exact paired test, guards, and the verdict with its sentence.

Everything is a pure function; sums by math.fsum and rounding to 10 significant digits make the result the same
whatever the order of the rows.
"""

from ganspeed.compare.plateau import Plateau, plateau
from ganspeed.compare.power import ENOUGH_POWER, PilotModel, minimum_detectable_ratio, pilot_model, power
from ganspeed.compare.rounding import rounded
from ganspeed.compare.study import Clock, Records, compare
from ganspeed.compare.times import AXES, THRESHOLDS, Run, log_area, runs_of, time_to_threshold

__all__ = [
    "AXES",
    "ENOUGH_POWER",
    "THRESHOLDS",
    "Clock",
    "PilotModel",
    "Plateau",
    "Records",
    "Run",
    "compare",
    "log_area",
    "minimum_detectable_ratio",
    "pilot_model",
    "plateau",
    "power",
    "rounded",
    "runs_of",
    "time_to_threshold",
]
