"""docs/objectives/: a page for every objective, listed in its table with what the code says."""

import re
from pathlib import Path

import pandas as pd
import pytest
from shipped_blocks import BLOCKS, objective_of, one_of_each

from ganspeed.params.objectives import objective_names

FOLDER = Path(__file__).parents[2] / "docs" / "objectives"
ROW = re.compile(r"\| \[(\w+)\]\((\w+)\.md\) \| (file|block) \|.*\| (yes|no) \| ([^|]+) \|")
ZOO = FOLDER.parents[1] / "reports" / "studies" / "zoo" / "results.csv"
VARIANT_OF = {"iterative_penalty": "iterative", "replayed_penalty": "iterative_replay"}  # others have their own name
SOURCE = re.compile(r"\]\(https://|\bDOI\b|\*\*Source\*\*: none")  # a paper's address, or a word that there is none
PARTS = (
    "    G minimises",
    "**Deviations**",
    "**What to watch in its curves**",
    "**Measured on digits**",
    "**When to use it**",
)


def rows() -> dict[str, tuple[str, str, str]]:
    """Name → (kind, whether it penalises the gradient, its last cfid)."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    found = [ROW.fullmatch(line).groups() for line in lines if line.startswith("| [")]
    assert all(name == page for name, page, *_ in found)
    return {name: values for name, _, *values in found}


def test_every_objective_and_no_other_name_has_a_page_and_a_row():
    listed = rows()
    assert sorted(listed) == sorted(page.stem for page in FOLDER.glob("*.md") if page.stem != "README")
    assert sorted(name for name, (kind, *_) in listed.items() if kind == "file") == sorted(objective_names())
    assert all(name in BLOCKS for name, (kind, *_) in listed.items() if kind == "block")


def test_the_table_says_which_objectives_penalise_the_gradient():
    block_of = dict(zip(objective_names(), one_of_each(), strict=True))
    for name, (kind, penalises, _) in rows().items():
        objective = objective_of(block_of[name] if kind == "file" else name)
        assert penalises == ("yes" if objective.penalises_gradient else "no"), name


def test_the_table_has_the_last_cfid_of_the_published_study():
    scores = pd.read_csv(ZOO).query("metric == 'cfid'").set_index(["name", "statistic"])["value"]
    for name, (*_, cell) in rows().items():
        last = scores[VARIANT_OF.get(name, name)]
        assert cell == f"{last['median']:.2f} ({last['min']:.2f}–{last['max']:.2f})", name
        assert last["max"] < scores["pixel_gaussian", "value"], f"{name}: its page has to say why"


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_has_its_parts_and_links_to_what_is_there(page):
    text = page.read_text(encoding="utf-8")
    if page.stem != "README":
        assert [part for part in PARTS if part not in text] == [] and SOURCE.search(text)
        assert text.startswith(f"# {page.stem}\n")
    for target in re.findall(r"\]\((?!https)([^)#]+)", text):
        assert (FOLDER / target).is_file(), target
