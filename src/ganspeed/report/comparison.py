"""Reads the comparison of a data set, and refuses one of other params than those of params.yaml now.

DVC hashes params when a stage has ended: after an edit at that moment it takes an older comparison for a new one.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from ganspeed.compare.comparison import Comparison
from ganspeed.compare.pairing import wanted_pairs
from ganspeed.compare.rounding import rounded
from ganspeed.compare.times import taus_of
from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.system.files import read_json, reading
from ganspeed.system.nested import dict_differences


def read_comparison(path: Path, params: Params, dataset: str) -> Comparison:
    """The comparison in `path`.

    Raises UserError naming what is not as params.yaml asks for: data set, runs, thresholds, axis, guards, pairs.
    """
    with reading(path, "run the stage `compare`"):
        comparison = Comparison.from_json(read_json(path))
    compared = {(time.variant, time.seed) for time in comparison.times}
    wanted = set(product(params.compare.variants, params.compare.seeds))
    differing = sorted(f"{variant}/seed-{seed}" for variant, seed in compared ^ wanted)
    differing += dict_differences(_there(comparison), _asked(params, dataset))
    if differing:
        raise UserError(
            f"{path}: does not match params.yaml in {', '.join(differing)}; run the stage `compare`, by "
            f"`dvc repro -f -s compare@{dataset}` where `dvc repro` finds nothing to do"
        )
    return comparison


def _asked(params: Params, dataset: str) -> dict[str, Any]:
    """What params.yaml asks of a comparison besides its runs."""
    protocol = params.protocol
    pairs = wanted_pairs(protocol, params.compare.variants)
    values = {"dataset": dataset, "axis": protocol.axis, "guards": protocol.guards()}
    return values | {"thresholds": rounded(taus_of(params.dataset(dataset).threshold))} | _by_role(pairs)


def _there(comparison: Comparison) -> dict[str, Any]:
    """The same of a comparison."""
    thresholds = {name: value for name, value in vars(comparison.thresholds).items() if name not in ("budget", "rule")}
    pairs = {(row.new, row.reference): row.planned for row in comparison.comparisons}
    values = {"dataset": comparison.dataset, "axis": comparison.axis, "guards": comparison.guards}
    return values | {"thresholds": thresholds} | _by_role(pairs)


def _by_role(pairs: Mapping[tuple[str, str], bool]) -> dict[str, list[str]]:
    """Pairs (new, reference) → whether planned, by the keys of `protocol` that they follow from."""
    planned = [f"{new} over {reference}" for (new, reference), is_planned in pairs.items() if is_planned]
    references = dict.fromkeys(reference for (_, reference), is_planned in pairs.items() if not is_planned)
    return {"planned": planned, "references": list(references)}
