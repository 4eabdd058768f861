"""The blocks that all data sets and variants share, and Params, the complete params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat

from ganspeed.params.base import MAX_COUNT, Block, Count, CountOrZero, ParamsError, Seed
from ganspeed.params.datasets import Dataset
from ganspeed.params.networks import Networks, merged, resolved
from ganspeed.params.variants import Variant
from ganspeed.types import Fraction, Probability

Split = Literal["val", "test"]
Axis = Literal["updates", "d_updates", "images"]
Matrix = Annotated[int, Field(le=20_000)]  # images whose distances to each other are in memory at once: 3 GB


class Compare(Block):
    """The grid: every data set × every variant × every seed."""

    datasets: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    variants: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]


class Evaluate(Block):
    split: Split
    seed: Seed
    full_snapshots: Annotated[int, Field(ge=0, le=10_000)]  # more than a run has
    neighbours: Count
    manifold_samples: Annotated[int, Field(ge=10, le=MAX_COUNT)]
    kid_subsets: Annotated[int, Field(gt=0, le=10_000)]
    kid_subset_size: Annotated[Matrix, Field(ge=2)]
    sliced_projections: Annotated[int, Field(gt=0, le=10_000)]
    transport_samples: Annotated[Matrix, Field(ge=10)]
    mode_min_count: Count
    confidence: Probability


class Planned(Block):
    """A comparison that gets a verdict: is `new` faster than `reference`?"""

    new: str
    reference: str


class Timing(Block):
    """The clock: seconds per update, the median of `repeats` of `updates` updates each; 0 repeats, no clock."""

    repeats: Annotated[int, Field(ge=0, le=1000)]
    updates: Count


class Protocol(Block):
    """How speeds are compared, with the guards of the verdicts."""

    axis: Axis
    consecutive: Annotated[int, Field(ge=1, le=3)]  # B is the grid point two before the last: three can be observed
    references: Annotated[tuple[str, ...], Field(strict=False)]
    planned: Annotated[tuple[Planned, ...], Field(strict=False)]
    margin: Annotated[float, Field(ge=1)]
    max_coverage_drop: Fraction
    max_extra_failures: NonNegativeInt
    equivalence: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1)]],
                           Field(strict=False)]  # fmt: skip
    timing: Timing

    def guards(self) -> dict[str, Any]:
        """The bounds of a verdict beside its test, as plain values."""
        keys = {"consecutive", "equivalence", "margin", "max_coverage_drop", "max_extra_failures"}
        return self.model_dump(mode="json", include=keys)


class Pilot(Block):
    """The runs that fix length and thresholds before a study, `length` times as long as the data set's runs."""

    variant: str
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]
    length: Annotated[int, Field(ge=2, le=1000)]


class Knob(Block):
    """The distribution of a tuned value: uniform between low and high, or log-uniform."""

    low: float
    high: float
    log: bool


class TuningArm(Block):
    """One method that is tuned: the variant it starts from, and its own knobs besides the shared ones."""

    variant: str
    own: dict[str, Knob]


class Tuning(Block):
    """Random search with the same budget for every arm: trials × seeds × updates."""

    trials: Annotated[int, Field(gt=0, le=1_000)]  # of 7 arms and 2 seeds: 14,000 runs
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1)]
    updates: Annotated[int, Field(ge=12, le=MAX_COUNT)]
    seed: Seed
    shared: dict[str, Knob]
    arms: dict[str, TuningArm]


class StoppingRule(Block):
    """A patience rule on the discriminator's loss, in rows of history.csv; see `report.loss_analysis.stopping_row`."""

    skip: CountOrZero
    smooth: Count
    patience: Count
    min_delta: Fraction


class Flags(Block):
    """Bounds beyond which a run is flagged; see `report.flags.flags_of`."""

    gap: PositiveFloat
    penalty_weight: PositiveFloat
    modes: Probability


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Report(Block):
    title: Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=200)]  # a heading, in MLflow too
    sample_columns: Count
    dpi: Annotated[int, Field(ge=50, le=400)]
    tail: Probability
    stopping: StoppingRule
    flags: Flags


class Params(Block):
    """The complete params.yaml."""

    compare: Compare
    datasets: dict[str, Dataset]
    variants: dict[str, Variant]
    evaluate: Evaluate
    protocol: Protocol
    pilot: Pilot
    tuning: Tuning
    report: Report

    def dataset(self, name: str) -> Dataset:
        """The block of a data set. Raises ParamsError for an unknown name."""
        if name not in self.datasets:
            raise ParamsError([f"unknown data set {name!r}; available: {', '.join(self.datasets)}"])
        return self.datasets[name]

    def variant(self, name: str) -> Variant:
        """The block of a variant. Raises ParamsError for an unknown name."""
        if name not in self.variants:
            raise ParamsError([f"unknown variant {name!r}; available: {', '.join(self.variants)}"])
        return self.variants[name]

    def networks(self, dataset: str, variant: str) -> Networks:
        """The networks of a variant on a data set: the data set's, with the keys that the variant overrides, resolved.

        Raises pydantic.ValidationError for keys or values that no networks have.
        """
        return networks_of(self.dataset(dataset), self.variant(variant))


def networks_of(dataset: Dataset, variant: Variant) -> Networks:
    """See Params.networks."""
    own = variant.networks
    networks = Networks.model_validate(merged(dataset.networks, own)) if own else dataset.networks
    return resolved(networks, dataset.data.image_size)
