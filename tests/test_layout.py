"""What a reader relies on: where tests lie, names that can be read, files and functions that can be taken in."""

import ast
from pathlib import Path

import ganspeed

TESTS, PACKAGE = Path(__file__).parent, Path(ganspeed.__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))


def nodes(kind: type) -> list[tuple[Path, ast.AST]]:
    return [(file, node) for file in FILES for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kind)]


def test_every_test_lies_in_a_folder_of_the_package_or_of_the_pipeline():
    """At the top lies what is of no package: the command, and what holds for the repository."""
    packages = {file.parent.relative_to(PACKAGE) for file in PACKAGE.rglob("__init__.py")}
    assert {file.parent.relative_to(TESTS) for file in FILES} - packages == {Path("pipeline")}
    others = {file.relative_to(TESTS) for file in TESTS.rglob("*.py")} - {file.relative_to(TESTS) for file in FILES}
    assert {file for file in others if file.name != "conftest.py" and file.parts[0] != "helpers"} == set()


def test_no_test_module_imports_another():
    modules = {file.stem for file in FILES}
    imported = [(file, alias.name) for file, node in nodes(ast.Import) for alias in node.names]
    imported += [(file, node.module or "") for file, node in nodes(ast.ImportFrom)]
    assert [(file.name, name) for file, name in imported if modules & set(name.split(".")) or "conftest" in name] == []
    assert len(imported) > 200


def test_no_name_of_a_test_is_longer_than_70_characters():
    names = [node.name for _, node in nodes(ast.FunctionDef) if node.name.startswith("test_")]
    assert [name for name in names if len(name) > 70] == []
    assert len(names) > 500


def test_no_file_is_longer_than_250_lines_and_no_function_than_40():
    sources = sorted(PACKAGE.rglob("*.py"))
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text().splitlines()) for file in sources}
    for file in sources:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                lengths[f"{file.relative_to(PACKAGE)}: {node.name}"] = node.end_lineno - node.lineno + 1
    assert {name: lines for name, lines in lengths.items() if lines > (40 if ": " in name else 250)} == {}
    assert len(lengths) > 1000
