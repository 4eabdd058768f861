"""Moving aside what the params no longer name, without losing it. Imports no torch: the check stage does it."""

import os
import shutil
from pathlib import Path

from ganspeed.params.blocks import Params
from ganspeed.runs.integrity import run_problems
from ganspeed.system.files import read_json, replace_folder
from ganspeed.workspace import Workspace


def matches(folder: Path, fingerprint: str) -> bool:
    """Whether a finished run of this fingerprint lies in the folder, every file with the bytes it was written with."""
    return not run_problems(folder) and read_json(folder / "run.json")["fingerprint"] == fingerprint


def stash_run(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move whatever run lies at this place to the pool, its provenance with it; one that is not whole is removed."""
    place, provenance = workspace.run(dataset, variant, seed), workspace.provenance(dataset, variant, seed)
    if not run_problems(place):
        pooled = workspace.pool / read_json(place / "run.json")["fingerprint"]
        pooled.mkdir(parents=True, exist_ok=True)
        if provenance.exists():
            os.replace(provenance, pooled / "provenance.json")
        replace_folder(place, pooled / "run")
    shutil.rmtree(place, ignore_errors=True)
    provenance.unlink(missing_ok=True)


def cached_scores(workspace: Workspace, fingerprint: str) -> Path:
    """Where the scores of this fingerprint lie while the params do not name them; .json beside it."""
    return workspace.pool / "scores" / f"{fingerprint}.csv"


def stash_scores(workspace: Workspace, dataset: str, variant: str, seed: int) -> None:
    """Move the scores at this place to the pool; a table without its fingerprint is removed."""
    table = workspace.scores(dataset, variant, seed)
    label = table.with_suffix(".json")
    if label.exists() and table.exists():
        pooled = cached_scores(workspace, read_json(label)["fingerprint"])
        pooled.parent.mkdir(parents=True, exist_ok=True)
        os.replace(table, pooled)
        os.replace(label, pooled.with_suffix(".json"))
    table.unlink(missing_ok=True)
    label.unlink(missing_ok=True)


def stash_unnamed(workspace: Workspace, params: Params) -> None:
    """Clear artifacts/{runs,provenance,scores} of every data set, variant and seed that is not in the grid."""
    named = {
        (dataset, variant, seed)
        for dataset in params.compare.datasets
        for variant in params.compare.variants
        for seed in params.compare.seeds
    }
    for kind, put_aside in (("runs", stash_run), ("provenance", stash_run), ("scores", stash_scores)):
        root = workspace.artifacts / kind
        for dataset, variant, seed in sorted({_cell(path, root) for path in root.glob("*/*/seed-*")} - named):
            put_aside(workspace, dataset, variant, seed)
        _remove_empty_folders(root)


def _cell(path: Path, root: Path) -> tuple[str, str, int]:
    dataset, variant, name = path.relative_to(root).parts
    return dataset, variant, int(name.removeprefix("seed-").split(".")[0])


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((p for p in root.glob("**/") if p != root), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


TRIALS_FOLDER = "tuning"  # the pool's folder of scored trials


def collect_garbage(workspace: Workspace, needed: set[str]) -> int:
    """Remove from the pool every run that is not needed and all scores put aside; returns the bytes freed.

    Scored trials of tuning stay: they are small, and without them an hour of tuning would be done again.
    """
    freed = 0
    for entry in sorted(workspace.pool.iterdir()) if workspace.pool.exists() else []:
        if entry.is_dir() and entry.name not in needed and entry.name != TRIALS_FOLDER:
            freed += sum(p.stat().st_size for p in entry.rglob("*") if p.is_file())
            shutil.rmtree(entry)
    return freed
