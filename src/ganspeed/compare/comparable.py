"""Runs that must not be compared, refused by name."""

from ganspeed.compare.times import RunCurve
from ganspeed.errors import UserError


def refuse_unlike(dataset: str, runs: list[RunCurve]) -> None:
    """Runs of different devices, versions, engines or lengths must not be compared. Raises UserError naming them."""
    for key in ("device", "versions", "engine", "precision", "updates", "grid_ratio", "batch_size"):
        kinds: dict[str, list[str]] = {}
        for run in runs:
            kinds.setdefault(str(run.facts[key]), []).append(f"{run.variant}/seed-{run.seed}")
        if len(kinds) > 1:
            listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(kinds.items()))
            raise UserError(f"data set {dataset}: runs differ in {key} and cannot be compared: {listed}")


def refuse_incomplete(dataset: str, runs: list[RunCurve], seconds_per_update: dict[str, float]) -> None:
    """Every run needs the second classifier's scores, and every variant its time. Raises UserError naming them."""
    missing = [f"{run.variant}/seed-{run.seed}" for run in runs if len(run.second) != len(run.cfid)]
    if missing:
        raise UserError(f"data set {dataset}: no cfid_second in the scores of {', '.join(missing)}; score them again")
    untimed = sorted({run.variant for run in runs} - seconds_per_update.keys()) if seconds_per_update else []
    if untimed:
        raise UserError(f"data set {dataset}: no seconds per update of {', '.join(untimed)}; run the stage `timing`")


def refuse_foreign_clock(dataset: str, runs: list[RunCurve], timed_on: str | None) -> None:
    """Seconds of another device say nothing of these runs. Raises UserError naming both."""
    trained_on = runs[0].facts["device"]
    if timed_on not in (None, trained_on):
        raise UserError(
            f"data set {dataset}: the clock ran on {timed_on!r}, the runs on {trained_on!r}; run the stage `timing` "
            "there, or set protocol.timing.repeats to 0"
        )
