"""The label beside a table of scores: what it was computed from, and facts of its run. Imports no torch."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from ganspeed.errors import UserError
from ganspeed.runs.integrity import read_score_label, score_problems
from ganspeed.system.files import reading, write_json
from ganspeed.types import RunFacts


@dataclass(frozen=True)
class ScoreLabel:
    """The content of seed-<s>.json beside seed-<s>.csv. Fields with a default are those that compare does without."""

    sha256: str  # of the table
    run: RunFacts
    fingerprint: str = ""  # SHA-256 of everything that decides the table
    samples: int = 0  # generated images of each snapshot
    split: str = ""  # the real images: "val" or "test"
    evaluate: dict = field(default_factory=dict)  # the block
    metric_sha256: str = ""  # of the sources; see scoring.sources


LABEL = TypeAdapter(ScoreLabel)


def write_label(table: Path, label: ScoreLabel) -> None:
    """Write the label of a table atomically, unless it is there already."""
    try:
        unchanged = read_score_label(table) == asdict(label)
    except UserError:
        unchanged = False
    if not unchanged:
        write_json(table.with_suffix(".json"), asdict(label))


def read_label(table: Path) -> ScoreLabel:
    """The label of a table. Raises UserError when it is missing, damaged, or has the fields of another version."""
    content = read_score_label(table)
    with reading(table.with_suffix(".json"), "run the stage `evaluate`"):
        label = ScoreLabel(**content | {"run": RunFacts(**content["run"])})
        LABEL.validate_python(content)
        return label


def is_current(table: Path, fingerprint: str) -> bool:
    """Whether a table and its label are there, with this fingerprint and with the bytes that were written."""
    return not score_problems(table) and read_score_label(table)["fingerprint"] == fingerprint
