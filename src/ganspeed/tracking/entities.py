"""What MLflow is given of a run, without importing MLflow: its key, its points, and the name of its experiment."""

from typing import Any, NamedTuple, Protocol

PREFIX = "ganspeed-"  # of the names of experiments, which separates them from others' on a shared server
NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
PICTURE_KEY = "samples"  # under which MLflow shows the pictures of a run, by update
KIND_TAG = "kind"  # of a run of MLflow: one of these
RUN, VARIANT, REPORT, EARLIER = "run", "variant", "report", "earlier runs"


class Spec(Protocol):
    """What identifies a run, before and after training; `parameters` holds the blocks data, train and variant."""

    dataset: str
    variant: str
    seed: int
    fingerprint: str
    parameters: dict[str, Any]


class Key(NamedTuple):
    """The key of a run within the experiment of its data set; MLflow finds the run by these tags."""

    variant: str
    seed: str
    fingerprint: str


class Point(NamedTuple):
    """A value of a curve; the step is an update of the generator."""

    name: str
    value: float
    step: int


def timestamp(step: int) -> int:
    """Milliseconds that stand for a step: with clock time, a point that is logged twice would be two points."""
    return 1000 * step


def key_of(spec: Spec) -> Key:
    return Key(spec.variant, str(spec.seed), spec.fingerprint)


def experiment_name(dataset: str, study: str | None = None, of_dvc: str = "") -> str:
    """The name of a data set's experiment; with the study's id in a store that other studies may use.

    of_dvc: the name of the experiment of DVC whose runs it shows, if it is one's.
    """
    name = f"{PREFIX}{dataset}" if study is None else f"{PREFIX}{dataset}-{study}"
    return f"{name} ({of_dvc})" if of_dvc else name
