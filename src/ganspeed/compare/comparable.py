"""Checks of what is compared; each raises a UserError that names the runs."""

from ganspeed.compare.times import RunCurve
from ganspeed.errors import UserError

MUST_AGREE = ("device", "versions", "engine", "precision", "updates", "grid_ratio", "batch_size")


def check_comparable(dataset: str, runs: list[RunCurve]) -> None:
    """Runs of different devices, versions, engines or lengths must not be compared."""
    for key in MUST_AGREE:
        kinds: dict[str, list[str]] = {}
        for run in runs:
            kinds.setdefault(str(getattr(run.facts, key)), []).append(run.name)
        if len(kinds) > 1:
            listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(kinds.items()))
            raise UserError(f"data set {dataset}: runs differ in {key} and cannot be compared: {listed}")


def check_complete(dataset: str, runs: list[RunCurve], seconds_per_update: dict[str, float]) -> None:
    """Every run needs the second classifier's scores, and every variant its time if any has one."""
    missing = [run.name for run in runs if len(run.second) != len(run.cfid)]
    if missing:
        raise UserError(f"data set {dataset}: no cfid_second in the scores of {', '.join(missing)}; score them again")
    untimed = sorted({run.variant for run in runs} - seconds_per_update.keys()) if seconds_per_update else []
    if untimed:
        raise UserError(f"data set {dataset}: no seconds per update of {', '.join(untimed)}; run the stage `timing`")


def check_timing_device(dataset: str, runs: list[RunCurve], timed_on: str | None) -> None:
    """Seconds measured on another device do not apply to these runs."""
    trained_on = runs[0].facts.device
    if timed_on not in (None, trained_on):
        raise UserError(
            f"data set {dataset}: timed on {timed_on!r}, trained on {trained_on!r}; run the stage `timing` there, or "
            "set protocol.timing.repeats to 0"
        )
