"""The names of the numbers of a first glance in MLflow, DVC and results.csv; imported without the statistics."""

TIME_TO_TAU, REACHED, LOG_AREA = "time_to_tau", "reached", "log_area"  # of a run, and of a variant over its runs
BEST_CFID, LAST_CFID = "best_cfid", "last_cfid"  # of a run's snapshots
SPEED_UP = "speed_up_over_{reference}"
