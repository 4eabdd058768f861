"""What tuning chose for one arm; apart from the search, so that adopting it imports neither torch nor optuna."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chosen:
    """The best trial of an arm, as artifacts/tuning/<dataset>.json has it: the names of the fields are its keys."""

    trial: int
    score: float  # mean of log cfid over log updates; lower is faster
    variant: str  # the published variant that the arm starts from
    values: dict[str, float]  # knob → value
    block: dict  # the variant's resolved block with these values
    networks: dict  # what G and D were made of, resolved
