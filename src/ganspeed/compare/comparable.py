"""Checks of what is compared; each raises a UserError that names the runs."""

from collections.abc import Mapping

from ganspeed.compare.differences import settings_of
from ganspeed.compare.times import RunCurve
from ganspeed.errors import UserError

WAYS_ON = (
    "`dvc repro -f` trains here what was trained elsewhere or otherwise; `git checkout params.yaml dvc.lock` and then "
    "`dvc checkout` go back to the committed results"
)
MUST_AGREE = ("device", "versions", "precision")


def check_comparable(dataset: str, runs: list[RunCurve]) -> None:
    """Runs must agree in device, versions and precision, and need the second classifier's scores.

    Those of one variant must also agree in networks, engine and length; where variants differ in these, their pair is
    compared without a verdict.
    """
    _refuse_unlike(dataset, {run.name: {key: getattr(run.facts, key) for key in MUST_AGREE} for run in runs})
    for variant in dict.fromkeys(run.variant for run in runs):
        _refuse_unlike(dataset, {run.name: settings_of(run.facts) for run in runs if run.variant == variant})
    if missing := [run.name for run in runs if len(run.second) != len(run.cfid)]:
        raise UserError(
            f"data set {dataset}: no cfid_second in the scores of {', '.join(missing)}; `dvc repro -f evaluate` scores "
            "them again"
        )


def _refuse_unlike(dataset: str, runs: Mapping[str, Mapping[str, object]]) -> None:
    """Raise UserError for a key that these runs (name → key → value) differ in."""
    for key in dict.fromkeys(key for values in runs.values() for key in values):
        kinds: dict[str, list[str]] = {}
        for name, values in runs.items():
            kinds.setdefault(str(values.get(key)), []).append(name)
        if len(kinds) > 1:
            listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(kinds.items()))
            raise UserError(f"data set {dataset}: runs differ in {key} and cannot be compared: {listed}; {WAYS_ON}")


def check_timing(dataset: str, runs: list[RunCurve], seconds_per_update: dict[str, float], device: str | None) -> None:
    """Every variant needs its time if any has one; seconds measured on another device do not apply to these runs."""
    untimed = sorted({run.variant for run in runs} - seconds_per_update.keys()) if seconds_per_update else []
    if untimed:
        raise UserError(f"data set {dataset}: no seconds per update of {', '.join(untimed)}; run the stage `timing`")
    trained_on = runs[0].facts.device
    if device not in (None, trained_on):
        raise UserError(
            f"data set {dataset}: timed on {device!r}, trained on {trained_on!r}; run the stage `timing` there, or "
            "set protocol.timing.repeats to 0"
        )
