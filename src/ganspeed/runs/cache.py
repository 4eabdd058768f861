"""The run cache: runs and scores that params.yaml no longer names are moved there, not lost. Imports no torch.

The stage `check` imports this module.
"""

import os
import shutil
from itertools import product
from pathlib import Path

from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import run_problems
from ganspeed.runs.record import read_record
from ganspeed.system.files import read_json, replace_folder
from ganspeed.workspace import Workspace, seed_of


def matches(folder: Path, fingerprint: str) -> bool:
    """Whether the folder holds a finished, undamaged run with this fingerprint."""
    return not run_problems(folder) and read_record(folder).fingerprint == fingerprint


def stash_run(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move the run of this cell to the run cache, with its provenance; a damaged or unfinished one is removed."""
    folder, provenance = workspace.run(dataset, variant, seed), workspace.provenance(dataset, variant, seed)
    if not run_problems(folder):
        cached = workspace.run_cache / read_record(folder).fingerprint
        cached.mkdir(parents=True, exist_ok=True)
        if provenance.exists():
            os.replace(provenance, cached / "provenance.json")
        replace_folder(folder, cached / "run")
    shutil.rmtree(folder, ignore_errors=True)
    provenance.unlink(missing_ok=True)


def cached_scores(workspace: Workspace, fingerprint: str) -> Path:
    """The table of scores with this fingerprint in the run cache; its label is beside it with the suffix .json."""
    return workspace.run_cache / "scores" / f"{fingerprint}.csv"


def stash_scores(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move the scores of this cell to the run cache; a table without its fingerprint is removed."""
    table = workspace.scores(dataset, variant, seed)
    label = table.with_suffix(".json")
    if label.exists() and table.exists():
        cached = cached_scores(workspace, read_json(label)["fingerprint"])
        cached.parent.mkdir(parents=True, exist_ok=True)
        os.replace(table, cached)
        os.replace(label, cached.with_suffix(".json"))
    table.unlink(missing_ok=True)
    label.unlink(missing_ok=True)


def stash_unnamed(workspace: Workspace, params: Params) -> None:
    """Clear artifacts/{runs,provenance,scores} of every data set, variant and seed that is not in the grid."""
    named = set(product(params.compare.datasets, params.compare.variants, params.compare.seeds))
    for kind, stash in (("runs", stash_run), ("provenance", stash_run), ("scores", stash_scores)):
        root = workspace.artifacts / kind
        for dataset, variant, seed in sorted({_cell(path, root) for path in root.glob("*/*/seed-*")} - named):
            stash(workspace, dataset, variant, seed)
        _remove_empty_folders(root)


def _cell(path: Path, root: Path) -> tuple[str, str, int]:
    dataset, variant, _ = path.relative_to(root).parts
    return dataset, variant, seed_of(path)


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((p for p in root.glob("**/") if p != root), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def collect_garbage(workspace: Workspace, needed: set[str]) -> int:
    """Remove all scores and every run whose fingerprint is not needed from the run cache; returns the bytes freed.

    Scored trials of tuning stay: they are small, and without them an hour of tuning would be repeated.
    """
    freed = 0
    for entry in sorted(workspace.run_cache.iterdir()) if workspace.run_cache.exists() else []:
        if entry.is_dir() and entry.name not in needed and entry != workspace.trials_folder:
            freed += sum(p.stat().st_size for p in entry.rglob("*") if p.is_file())
            shutil.rmtree(entry)
    return freed
