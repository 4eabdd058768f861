"""Publish a study: its report with the params, records and lock behind it, in a folder small enough to commit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.report.comparison import read_comparison
from ganspeed.report.render import linked
from ganspeed.system.files import copy, move, temporary_folder, write_text
from ganspeed.workspace import Workspace

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
PAGE = "index.html"
REPORT_FILES = (PAGE, "summary.md", "results.csv", "metrics.json", "curves.csv", "figures", "comparison")
RECORDS = "preregistration"
MAX_FILE, MAX_STUDY = 2 * 2**20, 6 * 2**20  # bytes


def publish(workspace: Workspace, name: str, replace: bool = False) -> Path:
    """Copy the report, params.yaml and, if they exist, dvc.lock and preregistration/ to reports/studies/<name>/.

    The page links its pictures there, which lie beside it, and does not hold them a second time.
    Returns the folder. Raises UserError for a bad name, an existing folder without `replace`, one whose records would
    be lost, a missing file of the report, a report of other params or sources than those of now, and too many bytes.
    """
    if not NAME.fullmatch(name):
        allowed = "small letters, digits, _ and - are allowed, 64 at most, a letter or digit first"
        raise UserError(f"study name {name!r:.80}: {allowed}")
    published = workspace.reports / "studies" / name
    if published.exists() and not replace:
        raise UserError(f"{published}: exists; take another name, or `ganspeed publish {name} --replace`")
    sources = [workspace.reports / part for part in REPORT_FILES] + [workspace.params]
    missing = [str(path) for path in sources if not path.exists()]
    if missing:
        raise UserError(f"nothing to publish: {', '.join(missing)} missing; run `dvc repro` first")
    _refuse_other_params(workspace)
    lock, records = workspace.root / "dvc.lock", workspace.root / RECORDS
    sources += [lock] if lock.exists() else []
    sources += [records] if any(records.glob("*.json")) else []
    _refuse_lost_records(published / RECORDS, records)
    with temporary_folder(published) as new:
        for source in sources:
            copy(source, new / source.name)
        page = new / PAGE
        text = page.read_text(encoding="utf-8").replace('href="../params.yaml"', 'href="params.yaml"')
        write_text(page, linked(text, new / "figures"))
        _check_sizes(new)
        move(new, published)
    return published


def _refuse_other_params(workspace: Workspace) -> None:
    """Raise UserError unless params.yaml, and where DVC made the report all else, are as when it was made."""
    params = load_params(workspace.params)
    for dataset in params.compare.datasets:
        path = workspace.reports / "comparison" / f"{dataset}.json"
        if not path.exists():
            raise UserError(f"{path}: no such file, but params.yaml compares {dataset}; run `dvc repro` first")
        read_comparison(path, params, dataset)
    if (workspace.root / ".dvc").is_dir() and (stages := _changed_stages(workspace.root)):
        listed = "; ".join(f"{stage}: {', '.join(names)}" for stage, names in stages.items())
        raise UserError(f"the report is older than what it is made of, run `dvc repro` first; changed since: {listed}")


def _changed_stages(root: Path) -> dict[str, list[str]]:
    """Stage → what `dvc status` says has changed since it ran, of every stage that is not up to date."""
    try:
        from dvc.exceptions import DvcException  # takes a second
        from dvc.repo import Repo
    except ImportError:
        unknown = "DVC, which knows whether the report is up to date, is not installed: publish where it is"
        raise UserError(unknown) from None
    try:
        with Repo(str(root)) as repo:
            return {stage: sorted(set(_leaves(changes))) for stage, changes in repo.status().items()}
    except DvcException as error:
        raise UserError(f"`dvc status` does not say whether the report is up to date: {error}") from None


def _leaves(changes: Any) -> Iterator[str]:
    """The innermost keys of what `dvc status` gives for a stage: files and params; or a word such as `changed`."""
    if isinstance(changes, str):
        yield changes
    elif isinstance(changes, list):
        for change in changes:
            yield from _leaves(change)
    else:
        for name, inner in changes.items():
            yield from [name] if isinstance(inner, str) else _leaves(inner)


def _refuse_lost_records(old: Path, new: Path) -> None:
    """Raise UserError if the published study has a record that the new one has not: what was frozen is not undone."""
    for record in sorted(old.glob("*.json")):
        kept = new / record.name
        if not kept.is_file() or kept.read_bytes() != record.read_bytes():
            raise UserError(f"{record}: frozen before that study, and not what {kept} says; take another name")


def _check_sizes(study: Path) -> None:
    sizes = {str(path.relative_to(study)): path.stat().st_size for path in study.rglob("*") if path.is_file()}
    too_large = [f"{path} {size:,}" for path, size in sizes.items() if size > MAX_FILE]
    if too_large or sum(sizes.values()) > MAX_STUDY:
        largest = sorted(sizes, key=sizes.get, reverse=True)[:3]
        listed = ", ".join(too_large or [f"{path} {sizes[path]:,}" for path in largest])
        raise UserError(
            f"the study takes {sum(sizes.values()):,} bytes; {MAX_STUDY:,} are allowed and {MAX_FILE:,} of a file "
            f"({listed}): lower report.dpi or report.sample_columns, or compare fewer variants"
        )
