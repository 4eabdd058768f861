"""docs/promises.md names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "promises.md"


def test_every_test_that_the_page_of_promises_names_is_there():
    """`test_file.py`, `test_file.py::test_name`, or `::test_name` of the file that was named last."""
    file, missing = "", []
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)?(?:::(test_\w+))?`", PAGE.read_text(encoding="utf-8"))
    for name, function in named:
        file = name or file
        if (name or function) and not re.search(rf"def {function}\b" if function else "", text(file)):
            missing.append(f"{file}::{function}")
    assert len([1 for name, function in named if name or function]) > 40
    assert missing == []


def text(file: str) -> str:
    return (TESTS / file).read_text(encoding="utf-8")
