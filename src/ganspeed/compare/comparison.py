"""artifacts/comparison/<dataset>.json as typed values: the names of the fields are the keys of the file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from ganspeed.compare.differences import Difference
from ganspeed.compare.rows import Guard, Row, TimeToThreshold

UNIT = "seeds"  # what n counts, in every card, table and caption


@dataclass(frozen=True)
class Thresholds:
    """The values that cfid (`second`: cfid_second) has to stay at or below, and the budget of time."""

    tau25: float
    tau: float
    tau75: float
    second: float
    budget: int  # B in generator updates, the largest if runs differ in length
    rule: str  # where they come from: `pilot` or `params`


@dataclass(frozen=True)
class Area:
    """One run's mean of log cfid over log updates; None if it has no finite cfid."""

    variant: str
    seed: int
    area: float | None


@dataclass(frozen=True)
class AreaRatio:
    """How many times lower the cfid of the new arm is, on average over log updates."""

    new: str
    reference: str
    planned: bool
    ratio: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class FinalScores:
    """One run at its last snapshot; None where a value is not finite."""

    variant: str
    seed: int
    failed: bool
    cfid: float | None
    coverage: float | None


@dataclass(frozen=True)
class CalibrationLevel:
    """The cfid of a row of the calibration, from n images."""

    row: str
    cfid: float
    n: int


@dataclass(frozen=True)
class Comparison:
    """All comparisons of one data set."""

    dataset: str
    device: str
    axis: str  # the primary one
    guards: dict[str, Any]  # see Protocol.guards
    power: dict[str, float] | None  # the chance `power` that n seeds find a speed-up of `ratio`
    thresholds: Thresholds
    demo: list[str]  # why the study is a demonstration only
    untuned: list[str]
    seconds_per_update: dict[str, float]  # variant → seconds; empty: no axis of seconds
    times: list[TimeToThreshold]
    comparisons: list[Row]
    areas: list[Area]
    area_ratios: list[AreaRatio]
    final: list[FinalScores]
    calibration: list[CalibrationLevel]

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What `to_json` gave; other keys are ignored. Raises KeyError or TypeError for a key that is missing."""
        known = {name: content[name] for name in cls.__dataclass_fields__}
        lists = {"times": TimeToThreshold, "areas": Area, "area_ratios": AreaRatio, "final": FinalScores}
        lists |= {"comparisons": _row, "calibration": CalibrationLevel}
        typed = {name: [kind(**item) for item in known[name]] for name, kind in lists.items()}
        return cls(**known | typed | {"thresholds": Thresholds(**known["thresholds"])})

    def to_json(self) -> dict[str, Any]:
        """As plain values; a row that differs in nothing beside the method has no key `differs`."""
        content = asdict(self)
        for row in content["comparisons"]:
            if not row["differs"]:
                del row["differs"]
        return content

    def row(self, new: str, reference: str, axis: str, threshold: str) -> Row:
        """The comparison of two variants on an axis at a threshold. Raises KeyError if there is none."""
        wanted = (new, reference, axis, threshold)
        for row in self.comparisons:
            if (row.new, row.reference, row.axis, row.threshold) == wanted:
                return row
        raise KeyError(wanted)

    def primary(self, new: str, reference: str) -> Row:
        """The comparison that a verdict rests on: at tau on the primary axis. Raises KeyError if there is none."""
        return self.row(new, reference, self.axis, "tau")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(new, reference) of every comparison: planned ones first, as they stand in the file."""
        return list(dict.fromkeys((row.new, row.reference) for row in self.comparisons))

    @property
    def planned(self) -> list[Row]:
        """The planned comparisons, each at tau on the primary axis."""
        return [row for row in self.comparisons if row.planned and (row.axis, row.threshold) == (self.axis, "tau")]

    def times_of(self, variant: str, threshold: str, axis: str = "updates") -> list[TimeToThreshold]:
        """A variant's times to a threshold on an axis, one per seed."""
        wanted = (variant, axis, threshold)
        return [time for time in self.times if (time.variant, time.axis, time.threshold) == wanted]


def _row(guards: dict[str, dict] | None, differs: Sequence[dict] = (), **values: Any) -> Row:
    typed = tuple(Difference(**difference) for difference in differs)
    return Row(guards=guards and {name: Guard(**guard) for name, guard in guards.items()}, differs=typed, **values)
