"""docs/sources.md: every row names keys, columns or tests that are there, or says why it is out of scope."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import ganspeed
from ganspeed.params.presets.apply import VARIANTS, preset_names
from ganspeed.params.reference.show import matching
from ganspeed.scoring.metrics import METRICS

TESTS, PACKAGE = Path(__file__).parent, Path(ganspeed.__file__).parent
DOCS = TESTS.parent / "docs"
PAGE = (DOCS / "sources.md").read_text(encoding="utf-8")
SHIPPED = YAML(typ="safe").load(VARIANTS)["variants"]
HEAD, TABLES = PAGE.split("\n## ", 1)
ROW = re.compile(r"\| (\w+) (\d[\d, -]*) \| ([^|]+) \| ([^|]+) \|")
NAME = re.compile(r"(?:(variant|preset|finding|metric|column) )?`([^`]+)`")
TITLES = ("| source | advice |", "|---|")
OUT_OF_SCOPE, NOT_ASKED = "out of scope: ", "; keys there, not yet asked"


def rows() -> list[tuple[str, str, str, str]]:
    """Source, its lines, the advice, and how it is exercised."""
    lines = [line for line in TABLES.splitlines() if line.startswith("|") and not line.startswith(TITLES)]
    parsed = {line: ROW.fullmatch(line) for line in lines}
    assert [line for line, row in parsed.items() if row is None] == []
    return [row.groups() for row in parsed.values()]


def missing(cell: str) -> list[str]:
    """The names in a cell that the code does not have: a kind with its name, or without a kind a test or a key."""
    return [name for kind, name in NAME.findall(cell) if not is_there(kind, name)]


def is_there(kind: str, name: str) -> bool:
    match kind:
        case "variant":
            return name in SHIPPED
        case "preset":
            return name in preset_names()
        case "metric":
            return name in [metric.name for metric in METRICS]
        case "finding":
            return len(list((PACKAGE / "diagnosis").rglob(f"{name}.py"))) == 1
        case "column":
            return is_written(name)
    return is_test(name) if "::" in name else is_key(name)


def is_written(column: str) -> bool:
    """Whether what logs has the column's name as a literal, or a formatted one that differs behind its last _ alone."""
    stem, _, end = re.escape(column.rpartition("/")[-1]).rpartition("_")
    literal = re.compile(rf'"{stem}_({end}|{{[^}}]+}})"' if stem else f'"{end}"')
    sources = [*(PACKAGE / "training").rglob("*.py"), *(PACKAGE / "objectives").glob("*.py")]
    return any(literal.search(file.read_text(encoding="utf-8")) for file in sources)


def is_test(mention: str) -> bool:
    file, _, name = mention.partition("::")
    path = TESTS / file
    return path.is_file() and re.search(rf"^ *def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def is_key(mention: str) -> bool:
    """Whether it is a key of params.yaml, or a block's, that may have the value behind the colon, if there is one."""
    path, _, value = mention.partition(": ")
    return any(not value or (key.path == path and allows(key.kind, value)) for key in matching(path))


def allows(kind: str, value: str) -> bool:
    """Whether a value of this kind may be a word, or else any number or list."""
    if re.fullmatch(r"[a-z]\w*", value):
        return value in re.split(r", | or |one of ", kind)
    return kind.startswith("list" if value.startswith("[") else ("integer", "number"))


def test_every_row_is_of_a_source_that_the_page_explains():
    sources = re.findall(r"^\| (\w+) \| ([A-Z][^|]+) \|", HEAD, re.MULTILINE)
    assert len(sources) == 5 and {source for source, *_ in rows()} == {name for name, _ in sources}
    assert len(rows()) >= 151 and len(set(rows())) == len(rows())
    assert re.search("[\u2e80-\u9fff\uff00-\uffef]", PAGE) is None  # in words of our own


def test_every_row_can_be_exercised_or_says_why_not():
    for source, lines, advice, cell in rows():
        assert 0 < len(advice) <= 160, advice
        if cell.startswith(OUT_OF_SCOPE):
            assert len(cell) > len(OUT_OF_SCOPE) + 10, (source, lines)
        else:
            assert NAME.search(cell), (source, lines)
        assert NOT_ASKED not in cell or (cell.endswith(NOT_ASKED) and any(map(is_key, re.findall("`([^`]+)`", cell))))


def test_what_the_page_names_is_there():
    assert {f"{source} {lines}": absent for source, lines, _, cell in rows() if (absent := missing(cell))} == {}
    assert missing(re.sub("`<[dv]>`|`history.csv`|`networks`|`ganspeed diagnose`", "", HEAD)) == []
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert [link for link in links if not (DOCS / link).is_file()] == [] and len(links) >= 5


@pytest.mark.parametrize(
    "named",
    [
        "`variants.<v>.optimizer.lr`", "`variants.<v>.optimizer.name: adagrad`", "`d_loss`", "finding `happiness`",
        "`datasets.<d>.train.batch_size: large`", "`variants.<v>.optimizer.name: 3`", "`variants.<v>.n_critic: [1, 2]`",
        "`variants.<v>.optimizer: adam`", "`objectives/test_objectives.py::test_nothing`", "preset `slow`",
        "`objectives/test_loop.py::test_same_seed_same_bytes_and_another_seed_others`", "column `probe/nothing`",
        "variant `stylegan`", "metric `fid`", "`test_sources.py::test_what_the_page`", "metric `g_loss`",
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_missing(named):
    (wrong,) = re.findall("`([^`]+)`", named)
    assert missing(f"`variants.<v>.n_critic: 5`, {named} and metric `cfid`") == [wrong]
