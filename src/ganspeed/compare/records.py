"""What was fixed before a study: preregistration/<dataset>.json and <dataset>-tuning.json.

The names of the fields of a `Preregistration` are the keys of its file.
"""

from dataclasses import dataclass
from typing import Any, Self

from pydantic import TypeAdapter

from ganspeed.params.networks import Networks


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a preregistration fixes and a confirmatory study keeps; None where an older record lacks it."""

    data: dict | None = None
    train: dict | None = None
    networks: dict[str, dict] | None = None  # variant → what its G and D are made of
    evaluate: dict | None = None  # with the data set's number of samples
    features: dict | None = None  # how the metric classifiers were made
    metric_sha256: str | None = None  # of the metrics' source
    axis: str | None = None
    guards: dict | None = None  # see Protocol.guards
    planned: list[dict[str, str]] | None = None  # pairs {new, reference}
    seeds: list[int] | None = None
    seed_offsets: dict[str, int] | None = None  # variant → what is added to a seed of the grid
    threshold: dict[str, float] | None = None  # tau25, tau, tau75, tau_second


@dataclass(frozen=True)
class PilotFacts:
    """What the pilot was that a study was frozen from."""

    variant: str
    seeds: list[int]
    split: str
    updates: int  # of each run


@dataclass(frozen=True, kw_only=True)
class Preregistration(Design):
    """preregistration/<dataset>.json, written by `ganspeed freeze`."""

    updates: int
    plateau: int | None  # the update at which the pilot levels off
    sd_log_time: float | None  # of log T at tau between seeds of one arm
    power: dict | None  # the chance `power` that n seeds find a speed-up of `ratio`, guards included
    reasons: list[str]  # why the study can be a demo only; threshold and updates are params' own then
    dataset: str | None = None
    pilot: PilotFacts | None = None
    plateau_cfid: float | None = None  # the lowest median cfid of the pilot
    pixel_gaussian: float | None = None  # cfid of the calibration's row of that name
    variants: dict[str, dict] | None = None  # variant → resolved block

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Raises ValueError naming the keys that a verdict needs and the content lacks, and values of a wrong type."""
        return TypeAdapter(cls).validate_python(content)


@dataclass(frozen=True)
class Budget:
    """What every arm of a tuning had."""

    seeds: list[int]
    search: str = "random"


@dataclass(frozen=True)
class TuningRecord:
    """preregistration/<dataset>-tuning.json, written by `ganspeed adopt-tuning`, as far as a study is held against it.

    chosen: arm → resolved block; trials: arm → their number; networks: arm → what its G and D were made of, None where
    an older record lacks them.
    """

    chosen: dict[str, dict]
    trials: dict[str, int]
    budget: Budget
    networks: dict[str, Networks] | None = None

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Raises ValueError for a key that is missing and a value of a wrong type."""
        return TypeAdapter(cls).validate_python(content)


@dataclass(frozen=True)
class StudyRecords:
    """Both records of a data set, None where there is none."""

    preregistration: Preregistration | None = None
    tuning: TuningRecord | None = None
