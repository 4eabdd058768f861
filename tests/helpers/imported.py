"""Which files of the package a file of it imports, to hold lists of sources against."""

import ast
from pathlib import Path

from ganspeed.source_files import PACKAGE


def imported(source: str) -> set[str]:
    """The files of the package that a source imports, wherever in it, relative to the package; no docstring alone."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / source).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ganspeed":
            folder = Path(*node.module.split(".")[1:])
            names = [*([folder] if folder.name else []), *(folder / name.name for name in node.names)]
            found |= {path for name in names for path in (f"{name}.py", f"{name}/__init__.py")}
    return {path for path in found if (PACKAGE / path).exists() and not path.endswith("__init__.py")} | (
        found & {f"{folder}/__init__.py" for folder in ("objectives", "optimizers", "tricks")}
    )
