"""What was fixed before a study: preregistration/<dataset>.json and <dataset>-tuning.json.

The names of the fields of a `Preregistration` are the keys of its file.
"""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a preregistration fixes and a confirmatory study keeps; None where an older record lacks it."""

    data: dict | None = None
    train: dict | None = None
    evaluate: dict | None = None  # with the data set's number of samples
    features: dict | None = None  # how the metric classifiers were made
    metric_sha256: str | None = None  # of the metrics' source
    axis: str | None = None
    guards: dict | None = None  # see Protocol.guards
    planned: list[dict[str, str]] | None = None  # pairs {new, reference}
    seeds: list[int] | None = None
    seed_offsets: dict[str, int] | None = None  # variant → what is added to a seed of the grid
    threshold: dict[str, float] | None = None  # tau25, tau, tau75, tau_second


@dataclass(frozen=True, kw_only=True)
class Preregistration(Design):
    """preregistration/<dataset>.json, written by `ganspeed freeze`."""

    updates: int
    plateau: int | None  # the update at which the pilot levels off
    sd_log_time: float | None  # of log T at tau between seeds of one arm
    power: dict | None  # the chance `power` that n seeds find a speed-up of `ratio`, guards included
    reasons: list[str]  # why the study can be a demo only; threshold and updates are params' own then
    dataset: str | None = None
    pilot: dict | None = None  # variant, seeds, split, updates
    plateau_cfid: float | None = None  # the lowest median cfid of the pilot
    pixel_gaussian: float | None = None  # cfid of the calibration's row of that name
    variants: dict[str, dict] | None = None  # variant → resolved block

    @classmethod
    def from_json(cls, record: dict) -> Self:
        """Raises TypeError naming the keys that a verdict needs and the record lacks."""
        return cls(**{field.name: record[field.name] for field in fields(cls) if field.name in record})


@dataclass(frozen=True)
class StudyRecords:
    """Both records of a data set, None where there is none.

    tuning: chosen (arm → resolved block), trials (arm → their number), budget (trials, seeds, updates, split).
    """

    preregistration: Preregistration | None = None
    tuning: dict | None = None

    @classmethod
    def from_json(cls, preregistration: dict | None, tuning: dict | None) -> Self:
        return cls(preregistration and Preregistration.from_json(preregistration), tuning)
