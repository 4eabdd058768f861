"""The label beside a table of scores: what it was computed from, and facts of its run. Imports no torch."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from ganspeed.system.files import read_json, sha256_file, write_json
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


def write_label(table: Path, label: ScoreLabel) -> None:
    """Write the label of a table atomically, unless it is there already."""
    path, content = table.with_suffix(".json"), asdict(label)
    if not path.exists() or read_json(path) != content:
        write_json(path, content)


def read_label(table: Path) -> ScoreLabel:
    content = read_json(table.with_suffix(".json"))
    return ScoreLabel(**content | {"run": RunFacts(**content["run"])})


def is_current(table: Path, fingerprint: str) -> bool:
    """Whether a table and its label are there, with this fingerprint and with the bytes that were written."""
    if not (table.exists() and table.with_suffix(".json").exists()):
        return False
    label = read_json(table.with_suffix(".json"))  # perhaps one with the fields of another version
    return label["fingerprint"] == fingerprint and label["sha256"] == sha256_file(table)
