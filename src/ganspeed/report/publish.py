"""Publish a study: its report with the params, records and lock behind it, in a folder small enough to commit."""

import re
from pathlib import Path

from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.report.read import read_comparison
from ganspeed.system.files import copy, move, temporary_folder
from ganspeed.workspace import Workspace

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
REPORT_FILES = ("index.html", "summary.md", "results.csv", "metrics.json", "figures", "comparison")
MAX_BYTES = 2 * 1024**2  # bytes


def publish(workspace: Workspace, name: str) -> Path:
    """Copy the report, params.yaml and, if they exist, dvc.lock and preregistration/ to reports/studies/<name>/.

    Returns the folder; an existing one is replaced. Raises UserError for a bad name, a missing file of the report, a
    report of other params than those of params.yaml, and more than MAX_BYTES bytes.
    """
    if not NAME.fullmatch(name):
        allowed = "small letters, digits, _ and - are allowed, 64 at most, a letter or digit first"
        raise UserError(f"study name {name!r:.80}: {allowed}")
    sources = [workspace.reports / part for part in REPORT_FILES] + [workspace.params]
    missing = [str(path) for path in sources if not path.exists()]
    if missing:
        raise UserError(f"nothing to publish: {', '.join(missing)} missing; run `dvc repro` first")
    params = load_params(workspace.params)
    for dataset in params.compare.datasets:
        path = workspace.reports / "comparison" / f"{dataset}.json"
        if not path.exists():
            raise UserError(f"{path}: no such file, but params.yaml compares {dataset}; run `dvc repro` first")
        read_comparison(path, params, dataset)
    lock = workspace.root / "dvc.lock"
    sources += [lock] if lock.exists() else []
    records = workspace.root / "preregistration"
    sources += [records] if any(records.glob("*.json")) else []
    _check_size(sources)

    published = workspace.reports / "studies" / name
    with temporary_folder(published) as new:
        for source in sources:
            copy(source, new / source.name)
        move(new, published)
    return published


def _check_size(sources: list[Path]) -> None:
    sizes = {s.name: sum(path.stat().st_size for path in [s, *s.rglob("*")] if path.is_file()) for s in sources}
    if sum(sizes.values()) > MAX_BYTES:
        listed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        raise UserError(
            f"the study takes {sum(sizes.values()):,} bytes, {MAX_BYTES:,} are allowed ({listed}); "
            f"lower report.dpi or report.sample_columns"
        )
