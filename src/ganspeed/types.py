"""Types that packages share: values of params.yaml with their ranges, and what is known of a scored run."""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    if low > high:
        raise ValueError(f"low {low!r} is not <= high, which is {high!r}")
    return bounds


Fraction = Annotated[float, Field(ge=0, lt=1)]
Categories = Annotated[int, Field(ge=2, le=1000)]  # values of a categorical variable
Numbers = Annotated[int, Field(ge=0, le=1000)]  # how many of them G is fed
Share = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(gt=0, le=1)]
Betas = Annotated[tuple[Fraction, Fraction], Field(strict=False)]  # of Adam; a list of params.yaml will do
Target = Annotated[float, Field(ge=-1, le=2)]  # of D's score of a sample
TargetRange = Annotated[tuple[Target, Target], Field(strict=False), AfterValidator(_in_order)]  # [low, high]
UpToHalf = Annotated[float, Field(ge=0, le=0.5)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class RunFacts:
    """How a run was trained and how it ended: the block `run` of the JSON beside its scores."""

    status: str  # completed or diverged
    diverged_at: int | None  # the first update that was not finite
    device: str
    engine: str
    precision: str
    versions: dict[str, str]  # library → version
    updates: int  # generator updates, as planned
    batch_size: int
    grid_ratio: float  # of neighbouring snapshots
    n_critic: int  # discriminator updates in a generator update
    variant: dict  # the variant's resolved block
    fingerprint: str | None = None
    seed: int | None = None  # of the training: the grid's plus the variant's seed_offset
    parameters: dict[str, dict] = field(default_factory=dict)  # the blocks of the run as run.json has them
    sources: dict[str, str] = field(default_factory=dict)  # that it was trained by: file → SHA-256

    @classmethod
    def of(cls, record: Any) -> Self:
        """The facts of a finished run, from its RunRecord."""
        known = {f.name: getattr(record, f.name) for f in fields(cls) if f.name != "variant"}
        return cls(variant=record.variant_block, **known)
