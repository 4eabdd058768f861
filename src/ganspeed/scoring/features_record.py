"""The record of a features folder, accuracy.json: read once before anything is scored, and whole or refused.

Apart from classifier.py, whose bytes are part of every score's fingerprint.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import PositiveInt, TypeAdapter

from ganspeed.scoring.classifier import ACCURACY
from ganspeed.system.files import read_json, reading
from ganspeed.types import Sha256


@dataclass(frozen=True)
class Sizes:
    """Those of a classifier, of its block in params.yaml."""

    dim: PositiveInt
    width: PositiveInt


@dataclass(frozen=True)
class FeaturesRecord:
    """What of accuracy.json the two classifiers and the embedded real images are loaded by; see `Architecture`."""

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    task: Literal["classes", "rotations"]
    outputs: PositiveInt
    settings: Sizes
    classifier_sha256: Sha256
    classifier_second_sha256: Sha256
    reference_sha256: Sha256
    reference_second_sha256: Sha256


RECORD = TypeAdapter(FeaturesRecord)


def read_features_record(folder: Path) -> dict[str, Any]:
    """The content of accuracy.json in the features folder of a data set, which is named after it.

    Raises UserError, with what to do, where it is missing, damaged or lacks a field that loading needs.
    """
    path = folder / ACCURACY
    with reading(path, f"`dvc repro -f features@{folder.name}` writes it"):
        content = read_json(path)
        RECORD.validate_python(content)
    return content
