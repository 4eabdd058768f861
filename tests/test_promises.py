"""docs/promises.md names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "promises.md"
MENTION = re.compile(r"((?:\w+/)*test_\w+\.py)?(?:::(test_\w+))?")


def mentions(page: str) -> list[str]:
    return [quoted for quoted in re.findall(r"`([^`]+)`", page) if "test_" in quoted]


def missing(page: str) -> list[str]:
    """What a page mentions and is not there, or cannot be parsed.

    A mention is `folder/test_file.py` with all its folders inside tests/, `folder/test_file.py::test_name`, or
    `::test_name` of the file that was named last.
    """
    file, found = TESTS / "no file was named yet", []
    for mention in mentions(page):
        parsed = MENTION.fullmatch(mention)
        if parsed and parsed[1]:
            file = TESTS / parsed[1]
        if not (parsed and file.is_file() and (not parsed[2] or defines(file, parsed[2]))):
            found.append(mention)
    return found


def defines(file: Path, test: str) -> bool:
    return re.search(rf"^ *def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None


def test_every_test_that_the_page_of_promises_names_is_there():
    page = PAGE.read_text(encoding="utf-8")
    assert len(mentions(page)) > 40 and page.count("`") == 2 * len(re.findall(r"`[^`]+`", page))
    assert missing(page) == []


def test_a_file_of_a_name_that_occurs_twice_is_found_in_its_folder():
    here, there = "compare/test_verdict.py", "report/test_verdict.py"
    name = "test_faster_with_its_sentence"
    assert missing(f"`{there}`, `{here}::{name}`, `::{name}` and `study/tuning/test_tune.py`") == []
    assert missing(f"`{here}::{name}`, `{there}::{name}`, `::{name}`") == [f"{there}::{name}", f"::{name}"]


@pytest.mark.parametrize(
    "mention",
    [
        "test_verdict.py", "report/test_verdicts.py", "compare/test_verdict.py::test_nothing",
        "compare/test_verdict.py::test_faster_with", "compare/test_verdict.py::", "compare/test_verdict.py:test_faster",
        "compare/test_verdict", "../tests/compare/test_verdict.py", "compare/test_verdict.py, test_compare.py",
        "::test_faster_with_its_sentence", "test_faster_with_its_sentence", "tests/compare/test_verdict.py",
    ],
)  # fmt: skip
def test_what_is_no_test_or_cannot_be_parsed_is_missing(mention):
    assert missing(f"one `{mention}` among others") == [mention]
