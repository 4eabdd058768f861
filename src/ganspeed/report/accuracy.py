"""What the stage `features` found of the metric classifiers."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ganspeed.system.files import read_json, reading
from ganspeed.workspace import Workspace

ACCURACY = "accuracy.json"  # of the metric classifiers


@dataclass(frozen=True)
class Accuracy:
    """Of both classifiers; names of the fields are keys of accuracy.json."""

    test_accuracy: float  # a share of 1, as is the other one
    second_test_accuracy: float
    settings: dict[str, Any]  # their block of params.yaml


def read_accuracy(workspace: Workspace, dataset: str) -> Accuracy:
    path = workspace.features(dataset) / ACCURACY
    with reading(path, f"`dvc repro -f features@{dataset}` writes it"):
        return TypeAdapter(Accuracy).validate_python(read_json(path))
