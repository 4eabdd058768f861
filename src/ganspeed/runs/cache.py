"""The run cache: runs and scores that params.yaml no longer names are moved there, not lost. Imports no torch.

The stage `check` imports this module.
"""

import re
import shutil
from itertools import product
from pathlib import Path

from ganspeed.errors import UserError
from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import read_score_label, run_problems, score_problems
from ganspeed.runs.record import read_record
from ganspeed.system.files import move
from ganspeed.workspace import Workspace

NAME = re.compile(r"[0-9a-f]{64}(\.csv|\.json)?")  # of a run's folder, of scores and of their label: a fingerprint


def matches(folder: Path, fingerprint: str) -> bool:
    """Whether the folder holds a finished, undamaged run with this fingerprint."""
    return not run_problems(folder) and read_record(folder).fingerprint == fingerprint


def stash_run(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move the run of this cell to the run cache, with its provenance; a damaged or unfinished one is removed."""
    folder, provenance = workspace.run(dataset, variant, seed), workspace.provenance(dataset, variant, seed)
    if not run_problems(folder):
        cached = workspace.run_cache / read_record(folder).fingerprint
        if provenance.exists():
            move(provenance, cached / "provenance.json")
        move(folder, cached / "run")
    shutil.rmtree(folder, ignore_errors=True)
    provenance.unlink(missing_ok=True)


def cached_scores(workspace: Workspace, fingerprint: str) -> Path:
    """The table of scores with this fingerprint in the run cache; its label is beside it with the suffix .json."""
    return workspace.run_cache / "scores" / f"{fingerprint}.csv"


def stash_scores(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move the scores of this cell to the run cache; damaged ones are removed."""
    table = workspace.scores(dataset, variant, seed)
    label = table.with_suffix(".json")
    if not score_problems(table):
        cached = cached_scores(workspace, read_score_label(table)["fingerprint"])
        move(table, cached)
        move(label, cached.with_suffix(".json"))
    table.unlink(missing_ok=True)
    label.unlink(missing_ok=True)


def stash_unnamed(workspace: Workspace, params: Params) -> None:
    """Clear artifacts/{runs,provenance,scores} of every data set, variant and seed that is not in the grid."""
    named = set(product(params.compare.datasets, params.compare.variants, params.compare.seeds))
    for kind, stash in (("runs", stash_run), ("provenance", stash_run), ("scores", stash_scores)):
        root = workspace.artifacts / kind
        cells = {(cell.parent.name, cell.name, seed) for cell in root.glob("*/*") for seed in workspace.seeds(cell)}
        for dataset, variant, seed in sorted(cells - named):
            stash(workspace, dataset, variant, seed)
        _remove_empty_folders(root)


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((p for p in root.glob("**/") if p != root), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def collect_garbage(workspace: Workspace, needed: set[str]) -> int:
    """Remove every run whose fingerprint is not needed, and its scores, from the run cache; returns the bytes freed.

    The caller holds the store's lock. Machine code goes as well. All else stays: scored trials of tuning, since without
    them an hour of tuning would be repeated, and what is the user's own where `.runs` is a link to a folder with more.
    """
    scores, freed = workspace.run_cache / "scores", 0
    for entry in [*_named_by_fingerprint(workspace.run_cache), workspace.machine_code]:
        if entry.is_dir() and entry.name not in needed:
            freed += sum(p.stat().st_size for p in entry.rglob("*") if p.is_file())
            shutil.rmtree(entry)
    for path in _named_by_fingerprint(scores):
        if _run_of_scores(path.with_suffix(".csv")) not in needed:
            freed += path.stat().st_size
            path.unlink()
    return freed


def _named_by_fingerprint(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if NAME.fullmatch(path.name))


def _run_of_scores(table: Path) -> str | None:
    """The fingerprint of the run that was scored; None where the label is missing or damaged."""
    try:
        return read_score_label(table)["run"]["fingerprint"]
    except (UserError, TypeError, KeyError):
        return None
