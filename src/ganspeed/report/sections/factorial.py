"""Variants that are all combinations of some changes to the networks: what each change does, alone and with others.

A change is a set of keys in which variants override the data set's networks together. There is a section only where the
variants are the same otherwise and are exactly the 2^k combinations of k >= 2 changes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ganspeed.diagnosis import all_detectors
from ganspeed.params.blocks import Report
from ganspeed.params.networks import parse_networks
from ganspeed.report.blocks import Section
from ganspeed.report.read import Results
from ganspeed.report.tables import Cell, Table, number
from ganspeed.report.words import listed

Changes = frozenset[str]  # names of changes


@dataclass(frozen=True)
class Factorial:
    """The changes by name, and which of them each variant has."""

    names: tuple[str, ...]
    of: Mapping[str, Changes]  # variant → its changes


def section(results: Results, settings: Report) -> Section:
    found = factorial(results)
    blocks = (detectors_table(results, found), effects_table(results, found)) if found else ()
    return Section("What each change does", 3, tuple(block for block in blocks if block))


def factorial(results: Results) -> Factorial | None:
    """The complete factorial that the variants form; None where they form none."""
    records = {variant: results.of(variant)[0].record for variant in results.variants}
    if len({repr(record.variant_block) for record in records.values()}) != 1:
        return None
    base = _leaves(results.networks.model_dump(mode="json"))
    overridden = {
        variant: {
            f"{key} {value}"
            for key, value in _leaves(parse_networks(record.networks_block).model_dump(mode="json")).items()
            if value != base.get(key)
        }
        for variant, record in records.items()
    }
    variants_of: dict[str, list[str]] = {}
    for variant, keys in overridden.items():
        for key in sorted(keys):
            variants_of.setdefault(key, []).append(variant)
    together: dict[tuple[str, ...], list[str]] = {}  # variants → keys that exactly these override
    for key, variants in variants_of.items():
        together.setdefault(tuple(variants), []).append(key)
    names = {variants: ", ".join(keys) for variants, keys in together.items()}
    of = {v: frozenset(name for variants, name in names.items() if v in variants) for v in records}
    complete = len(names) >= 2 and len(records) == 2 ** len(names) == len(set(of.values()))
    return Factorial(tuple(names.values()), of) if complete else None


def _leaves(block: Mapping, path: str = "") -> dict[str, object]:
    """Dotted path → value; that of init, which is a name or a block, as a whole."""
    found = {}
    for key, value in block.items():
        if isinstance(value, Mapping) and key != "init":
            found |= _leaves(value, f"{path}{key}.")
        elif isinstance(value, Mapping):
            found[f"{path}{key}"] = ", ".join(f"{inner} {v}" for inner, v in value.items())
        else:
            found[f"{path}{key}"] = value
    return found


def detectors_table(results: Results, found: Factorial) -> Table | None:
    """How often each detector fired with and without each change, and in the variant without any."""
    fired = {name: [] for name in all_detectors()}
    for (variant, _), findings in results.findings.items():
        for name in findings.names:
            fired[name].append(variant)
    plain = next(variant for variant, changes in found.of.items() if not changes)
    half, rows = len(results.runs) // 2, []
    for name, variants in fired.items():
        if variants:
            with_change = [sum(change in found.of[variant] for variant in variants) for change in found.names]
            cells = [Cell(f"{k}/{half}", f"without {len(variants) - k}/{half}") for k in with_change]
            rows.append(
                (Cell(all_detectors()[name].title), *cells, Cell(f"{variants.count(plain)}/{len(results.seeds)}"))
            )
    caption = (
        "In how many runs each finding was made, with each change of the networks and, below, without it. "
        f"The changes: {listed(found.names)}. The last column is of {plain}, which has none of them."
    )
    return Table(caption, ("finding", *found.names, "no change"), (("", tuple(rows)),)) if rows else None


def effects_table(results: Results, found: Factorial) -> Table | None:
    """What each change alone multiplies the last cfid by, over all others, and the largest interaction."""
    last = {key: cfid.iloc[-1] for key, cfid in results.cfid_by_run.items()}
    runs = [(found.of[variant], math.log(value)) for (variant, _), value in last.items() if 0 < value < math.inf]
    if len(runs) < len(results.runs):
        return None
    rows = [(Cell(name), Cell(f"{number(math.exp(effect((name,), runs)))}×")) for name in found.names]
    sets = [names for k in range(2, len(found.names) + 1) for names in combinations(found.names, k)]
    largest = max(sets, key=lambda names: abs(effect(names, runs)))
    interaction = f"{number(math.exp(effect(largest, runs)))}×"
    rows.append((Cell(" with ".join(largest), "largest interaction"), Cell(interaction)))
    caption = (
        "What each change multiplies the last cfid by: geometric mean over the runs with it, divided by that over the "
        "runs without it. Interaction: what the changes together do beyond what they do alone, as a factor of the same "
        "kind: of one change's effect with the others over its effect without them, the square root for two, and so on."
    )
    return Table(caption, ("change", "last cfid"), (("", tuple(rows)),))


def effect(names: tuple[str, ...], runs: list[tuple[Changes, float]]) -> float:
    """The contrast of a set of changes: mean over runs of value · Π ±1, times 2. runs: (changes, value)."""
    signs = [math.prod(1 if name in changes else -1 for name in names) for changes, _ in runs]
    return 2 * float(np.mean([sign * value for sign, (_, value) in zip(signs, runs, strict=True)]))
