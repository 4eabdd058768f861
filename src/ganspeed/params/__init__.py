"""The only reader of params.yaml: frozen, typed blocks, strictly checked, without importing torch.

`load` names every mistake of a file at once, each as `path.of.the.key: the value seen and what is allowed`; a file that
a variant names is among what it checks.
"""

from ganspeed.params.base import ParamsError
from ganspeed.params.datasets import AnyData, CelebA, Digits, Features, ImageFolder, Published, Threshold
from ganspeed.params.reading import load, parse, read_yaml
from ganspeed.params.study import (
    Compare,
    Evaluate,
    Flags,
    Knob,
    Params,
    Planned,
    Protocol,
    Report,
    Stopping,
    Timing,
    Tuning,
)
from ganspeed.params.variants import OBJECTIVES, objective_names, variant_model

__all__ = [
    "OBJECTIVES",
    "AnyData",
    "CelebA",
    "Compare",
    "Digits",
    "Evaluate",
    "Features",
    "Flags",
    "ImageFolder",
    "Knob",
    "Params",
    "ParamsError",
    "Planned",
    "Protocol",
    "Published",
    "Report",
    "Stopping",
    "Threshold",
    "Timing",
    "Tuning",
    "load",
    "objective_names",
    "parse",
    "read_yaml",
    "variant_model",
]
