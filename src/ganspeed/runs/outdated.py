"""Why runs that are there are trained again: nobody may have edited anything, and it may take hours."""

import sys
from collections.abc import Iterable

from ganspeed.errors import UserError
from ganspeed.runs.record import read_record
from ganspeed.runs.spec import RunSpec
from ganspeed.runs.store import RunStore
from ganspeed.system.nested import dict_differences

LISTED = 4  # differences that are named; an edit of the code may make many

Reasons = dict[tuple[str, str, int], str]  # data set, variant and seed → why the run there is not the one asked for


def find_outdated(store: RunStore, specs: Iterable[RunSpec]) -> Reasons:
    """The reason for each of these runs that has a folder under artifacts/, should it be trained again."""
    return {_cell(spec): _reason(store, spec) for spec in specs if store.run_folder(spec).exists()}


def print_outdated(reasons: Reasons, trained: Iterable[RunSpec]) -> None:
    """A line on stderr for each variant whose runs are trained again, or for each reason where there are several."""
    seeds: dict[tuple[str, str, str], list[int]] = {}
    for dataset, variant, seed in filter(reasons.__contains__, map(_cell, trained)):
        seeds.setdefault((dataset, variant, reasons[dataset, variant, seed]), []).append(seed)
    for (dataset, variant, reason), numbers in seeds.items():
        listed = ", ".join(map(str, numbers))
        print(f"{dataset} {variant}: trained again: seeds {listed}: {reason}", file=sys.stderr, flush=True)


def _cell(spec: RunSpec) -> tuple[str, str, int]:
    return spec.dataset, spec.variant, spec.seed


def _reason(store: RunStore, spec: RunSpec) -> str:
    try:
        there = read_record(store.run_folder(spec)).identity
    except UserError as error:
        return str(error)
    found = dict_differences(_short(there), _short({**spec.identity})) or [f"{store.run_folder(spec)}: damaged"]
    more = [f"and {len(found) - LISTED} more"] if len(found) > LISTED else []
    return "; ".join([*found[:LISTED], *more])


def _short(identity: dict) -> dict:
    """An identity with its hashes cut to what tells them apart."""
    sources = {name: digest[:8] for name, digest in identity["sources"].items()}
    return identity | {"sources": sources, "manifest_sha256": identity["manifest_sha256"][:8]}
