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
LowBound, HighBound = Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1)]  # of a speed-up
Matrix = Annotated[int, Field(le=20_000)]  # images whose distances to each other are in memory at once: 3 GB


class Compare(Block):
    """The grid: every data set × every variant × every seed."""

    datasets: tuple[str, ...] = Field(strict=False, min_length=1, description="data sets of the grid")
    variants: tuple[str, ...] = Field(strict=False, min_length=1, description="variants of the grid")
    seeds: tuple[Seed, ...] = Field(
        strict=False, min_length=1, description="seeds of every cell: of data order, z and initial weights"
    )


class Evaluate(Block):
    """How snapshots are scored, on all data sets alike."""

    split: Split = Field(description="real images that a study is scored against; pilot and tuning use val")
    seed: Seed = Field(description="seed of the z behind every score, the same for every run")
    full_snapshots: int = Field(  # 10,000 is more than a run has
        ge=0, le=10_000, description="snapshots, besides the last, that get every metric; all get cfid"
    )
    neighbours: Count = Field(description="k of precision, recall, density and coverage")
    manifold_samples: int = Field(
        ge=10, le=MAX_COUNT, description="at most so many generated and real images for those four"
    )
    kid_subsets: int = Field(gt=0, le=10_000, description="subsets that kid is averaged over")
    kid_subset_size: Matrix = Field(ge=2, description="generated, and as many real, images of a subset of kid")
    sliced_projections: int = Field(gt=0, le=10_000, description="fixed directions that swd is averaged over")
    transport_samples: Matrix = Field(
        ge=10, description="at most so many images a side of w1_exact, and generated ones of memorisation"
    )
    mode_min_count: Count = Field(description="generated images that a class needs to count as a mode")
    confidence: Probability = Field(description="a sample is confident when a class gets at least this probability")


class Planned(Block):
    """A comparison that gets a verdict: is `new` faster than `reference`?"""

    new: str = Field(description="the variant that may be faster")
    reference: str = Field(description="the variant that it is compared with")


class Timing(Block):
    """The clock: seconds per update."""

    repeats: int = Field(
        ge=0, le=1000, description="timings that the median is taken of; 0: no clock, no axis of seconds"
    )
    updates: Count = Field(description="updates of one timing")


class Protocol(Block):
    """How speeds are compared, with the guards of the verdicts."""

    axis: Axis = Field(description="the primary axis of time to the threshold, which verdicts are made on")
    consecutive: int = Field(  # B is the grid point two before the last: three can be observed
        ge=1, le=3, description="snapshots in a row at or below the threshold until it counts as reached"
    )
    references: tuple[str, ...] = Field(strict=False, description="variants that speed-ups are computed over")
    planned: tuple[Planned, ...] = Field(strict=False, description="comparisons that get a verdict, Holm-corrected")
    margin: float = Field(ge=1, description="guard: bound of the faster arm's final cfid, as a multiple of the other's")
    max_coverage_drop: Fraction = Field(description="guard: by so much the faster arm's mean coverage may be lower")
    max_extra_failures: NonNegativeInt = Field(description="guard: so many more runs of the faster arm may diverge")
    equivalence: tuple[LowBound, HighBound] = Field(
        strict=False, description="equivalent: the interval of the speed-up lies between these"
    )
    timing: Timing = Field(description="the clock of the stage timing")

    def guards(self) -> dict[str, Any]:
        """The bounds of a verdict beside its test, as plain values."""
        keys = {"consecutive", "equivalence", "margin", "max_coverage_drop", "max_extra_failures"}
        return self.model_dump(mode="json", include=keys)


class Pilot(Block):
    """The runs that fix length and thresholds before a study; see `make pilot`."""

    variant: str = Field(description="the variant that length and thresholds are taken from")
    seeds: tuple[Seed, ...] = Field(strict=False, min_length=1, description="seeds of the pilot, never used again")
    length: int = Field(ge=2, le=1000, description="length of its runs, as a multiple of the data set's train.updates")


class Knob(Block):
    """The distribution of a tuned value."""

    low: float = Field(description="lowest value")
    high: float = Field(description="highest value")
    log: bool = Field(description="true: log-uniform, or even in logs; false: uniform, or even")


class TuningArm(Block):
    """One method that is tuned."""

    variant: str = Field(description="the variant that the arm starts from")
    own: dict[str, Knob] = Field(description="knobs of this arm besides the shared ones")


class Tuning(Block):
    """A search with the same budget for every arm: trials × seeds × updates."""

    search: Literal["random", "grid"] = Field(
        "random", description="random: draws of each knob; grid: combinations of evenly spaced values, as many as fit"
    )
    trials: int = Field(  # of 7 arms and 2 seeds: 14,000 runs
        gt=0, le=1_000, description="trials of every arm; of a grid at most so many"
    )
    seeds: tuple[Seed, ...] = Field(strict=False, min_length=1, description="seeds of every trial, never used again")
    updates: int = Field(ge=12, le=MAX_COUNT, description="generator updates of every run")
    seed: Seed = Field(description="seed of the draws")
    shared: dict[str, Knob] = Field(description="knobs that every arm tunes, over the same range")
    arms: dict[str, TuningArm] = Field(description="the arms, each by the name of the variant that it becomes")


class StoppingRule(Block):
    """A patience rule on the discriminator's loss, in rows of history.csv; see `report.loss_analysis.stopping_row`."""

    skip: CountOrZero = Field(description="rows at the start that the rule does not see")
    smooth: Count = Field(description="rows of the moving mean that it looks at")
    patience: Count = Field(description="rows without a new high after which it stops")
    min_delta: Fraction = Field(description="by this share of the range so far a new high exceeds the old one")


class Diagnosis(Block):
    """Bounds beyond which a run has a finding of `ganspeed diagnose`; the word before a colon names its detector."""

    early: Probability = Field(0.25, description="first part of a run, by updates, that has G's early gradients")
    tail: Probability = Field(0.25, description="last part of a run, by updates, that detectors call its tail")
    rows: Count = Field(10, description="rows in a row, up to the last, that detectors of what lasts ask for")
    bend: PositiveFloat = Field(1e-9, description="no_hidden_activation: a network bends less than this")
    saturated: Probability = Field(0.5, description="badly_scaled_weights: more of G's first values at their ends")
    moved: PositiveFloat = Field(0.1, description="badly_scaled_weights: and D's weights move less in 100 updates")
    out_of_range: Fraction = Field(0.05, description="output_range: more of the real values outside G's")
    low_loss: PositiveFloat = Field(0.1, description="fooled_discriminator: G's loss below this")
    fake_over_real: PositiveFloat = Field(3.0, description="fooled_discriminator: D's loss on fakes over real ones")
    chance: PositiveFloat = Field(0.1, description="discriminator_at_chance: D's losses nearer than this to ln 2")
    gap: PositiveFloat = Field(1e5, description="critic_blow_up: a logged |mean D(x) - mean D(x_fake)| above this")
    gap_growth: PositiveFloat = Field(1.0, description="critic_blow_up: or its log grows by more in a doubling")
    large_gap: PositiveFloat = Field(100.0, description="critic_blow_up: at a gap above this")
    auc: Fraction = Field(0.99, description="unbalanced_players: D too strong: AUC above this")
    auc_share: Probability = Field(0.8, description="unbalanced_players: in so many of the tail's rows")
    weak_gradient: PositiveFloat = Field(0.05, description="unbalanced_players: and G's gradient over its early one")
    auc_at_chance: Fraction = Field(0.55, description="unbalanced_players: D too weak: AUC below this")
    slope: float = Field(-0.1, description="plateau: slope of log cfid over log updates above this")
    modes: Probability = Field(0.5, description="mode_collapse: last modes below this share of real images'")
    distance: Probability = Field(0.3, description="mode_collapse: distances of fakes below this share of real ones'")
    collapsed_rows: Count = Field(5, description="mode_collapse: rows in a row, up to the last, of such distances")
    recall: Probability = Field(0.1, description="mode_collapse: last recall below this")
    precision: Probability = Field(0.5, description="mode_collapse: at a precision of this or more")
    vanishing: PositiveFloat = Field(5e-3, description="vanishing_gradients: G's gradient over its early one")
    steepness: PositiveFloat = Field(1e-4, description="vanishing_gradients: or D's gradient at generated images")
    overfit: Fraction = Field(0.5, description="discriminator_fit: D's scores drop by more on images held out")
    underfit: Fraction = Field(0.02, description="discriminator_fit: by less, and samples are bad")
    underfit_auc: Fraction = Field(0.75, description="discriminator_fit: and AUC below this")
    cosine: float = Field(0.0, description="idle_player: cosine of both losses' gradients by fakes above this")
    fake_term: PositiveFloat = Field(1e-7, description="idle_player: a step of D moves its scores of fakes by less")
    content: PositiveFloat = Field(1.0, description="dominant_adversarial_part: adversarial over content loss")
    penalty_weight: PositiveFloat = Field(1e3, description="exploding_lambda: a logged lambda above this")


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Report(Block):
    """What the report shows; no run or score depends on it."""

    title: Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=200)] = Field(
        description="heading of the report, and the note of MLflow's experiment"
    )
    sample_columns: Count = Field(description="moments of training that samples are shown of, for each variant")
    dpi: int = Field(ge=50, le=400, description="resolution of the figures, in pixels per inch")
    tail: Probability = Field(description="last part of the critic's loss that is asked whether it oscillates around 0")
    stopping: StoppingRule = Field(description="a stopping rule on the critic's loss, tried in hindsight")
    diagnosis: Diagnosis | None = Field(None, description="bounds of findings; null: as each key has it by default")

    @property
    def bounds(self) -> Diagnosis:
        """The bounds of findings."""
        return self.diagnosis or Diagnosis()


class Params(Block):
    """The complete params.yaml."""

    compare: Compare = Field(description="the grid: every data set x every variant x every seed")
    datasets: dict[str, Dataset] = Field(description="data sets, by name")
    variants: dict[str, Variant] = Field(description="variants, the ways of training, by name")
    evaluate: Evaluate = Field(description="how snapshots are scored")
    protocol: Protocol = Field(description="how speeds are compared, with the guards of the verdicts")
    pilot: Pilot = Field(description="the runs of make pilot, which fix length and thresholds before a study")
    tuning: Tuning = Field(description="the search of make tune, with one budget for all arms")
    report: Report = Field(description="what the report shows")

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

    def networks(self, dataset: str, variant: str | None = None) -> Networks:
        """The networks of a variant on a data set: the data set's, with the keys that the variant overrides, resolved.

        Without a variant those of the data set itself.

        Raises pydantic.ValidationError for keys or values that no networks have.
        """
        return networks_of(self.dataset(dataset), variant and self.variant(variant))


def networks_of(dataset: Dataset, variant: Variant | None) -> Networks:
    """See Params.networks."""
    own = variant and variant.networks
    networks = Networks.model_validate(merged(dataset.networks, own)) if own else dataset.networks
    return resolved(networks, dataset.data.image_size)
