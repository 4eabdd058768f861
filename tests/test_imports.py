"""Who may import whom inside the package: the table of docs/architecture.md, held against every import."""

import ast
import re
from pathlib import Path

import pytest

import ganspeed

PACKAGE = Path(ganspeed.__file__).parent
PAGE = PACKAGE.parents[1] / "docs" / "architecture.md"
BASE = {"environment", "errors", "source_files", "types", "workspace"}  # these import at most one another
MAY_IMPORT = {
    "system": set(),
    "params": {"system"},
    "data": {"params", "system"},
    "objectives": set(),
    "tricks": {"objectives"},
    "networks": {"params.networks", "params.problems"},
    "optimizers": set(),
    "training": {"networks", "objectives", "optimizers", "params", "system", "tricks"},
    "runs": {"data", "networks.fast_convolutions", "params", "system", "training"},
    "scoring": {"data", "networks", "params", "runs", "system"},
    "compare": {"params", "system.files", "training.counts", "training.snapshot_grid"},
    "study": {"compare", "data", "params", "runs", "scoring", "system", "training.snapshot_grid"},
    "diagnosis": {"compare.read", "params", "runs.integrity", "runs.record", "scoring.label", "system",
                  "training.probes"},
    "report": {"compare", "data.prepared", "diagnosis", "params", "runs.integrity", "runs.provenance", "runs.record",
               "runs.timing", "scoring.label", "scoring.metrics", "scoring.read", "scoring.sources", "study.status",
               "system", "training.counts", "training.sample_grids", "training.snapshot_grid"},
    "tracking": {"compare", "diagnosis", "params", "runs", "scoring.metrics", "system"},
}  # fmt: skip


def imports_of(source: Path) -> set[str]:
    """The modules of the package that a file imports, anywhere in it, without the package's own name."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ganspeed":
            module = node.module.removeprefix("ganspeed").lstrip(".")
            names = [f"{module}.{name.name}".lstrip(".") for name in node.names]
            found |= {name if is_module(name) else module for name in names}
        elif isinstance(node, ast.Import):
            found |= {name.name.partition(".")[2] for name in node.names if name.name.split(".")[0] == "ganspeed"}
    return found - {""}


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_what_the_table_says(package):
    allowed = MAY_IMPORT[package] | BASE | {package}
    if package in ("networks", "objectives", "optimizers", "tricks"):
        allowed -= {"workspace"}
    used = {f"{path.stem}: {name}" for path in (PACKAGE / package).rglob("*.py") for name in imports_of(path)}
    outside = {u for u in used if not any(f"{u.split(': ')[1]}.".startswith(f"{name}.") for name in allowed)}
    assert outside == set()


def test_every_file_is_in_a_package_of_the_table_or_beside_them():
    assert {path.stem for path in PACKAGE.glob("*.py")} == BASE | {"__init__", "cli"}
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"} == set(MAY_IMPORT)
    for name in BASE:
        assert imports_of(PACKAGE / f"{name}.py") <= BASE


def test_no_package_imports_itself_by_way_of_others():
    """The table's rows are in such an order that each imports earlier ones alone."""
    rows = list(MAY_IMPORT)
    for i, package in enumerate(rows):
        assert {name.split(".")[0] for name in MAY_IMPORT[package]} <= set(rows[:i])


def test_an_init_holds_one_sentence_and_no_code():
    for path in PACKAGE.rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if path.parent.name not in ("diagnosis", "ganspeed", "objectives", "optimizers", "tricks"):
            assert len(body) == 1 and ast.get_docstring(ast.Module(body, [])), path


def test_the_page_of_the_architecture_shows_the_same_table():
    _, section = PAGE.read_text(encoding="utf-8").split("## Packages, and what may import what")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", section.split("\n## ")[0], re.MULTILINE)
    assert {package: set(re.findall(r"`([\w.]+)`", cells)) for package, cells in rows} == MAY_IMPORT
