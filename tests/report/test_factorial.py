"""A complete factorial of changes to the networks: who fired with each, effects and interactions."""

import math
from itertools import product

import made_up
import pandas as pd
import pytest

from ganspeed.report import write
from ganspeed.report.read import read_results
from ganspeed.report.sections import factorial

BUGS = {"a": {"G": {"act": "none"}, "D": {"act": "none"}}, "b": {"D": {"output": "sigmoid"}}, "c": {"init": "xavier"}}
NAMES = {"a": "D.act none, G.act none", "b": "D.output sigmoid", "c": "init xavier"}


def overrides(bugs: str) -> dict:
    """Keys of networks, those of all these bugs."""
    found: dict = {}
    for bug in bugs:
        for key, value in BUGS[bug].items():
            found[key] = found.get(key, {}) | value if isinstance(value, dict) else value
    return found


def study(tmp_path, monkeypatch, bugs=("a", "b"), left_out: str | None = None):
    """Variants of one block with all combinations of these bugs; a run's last cfid is 4, doubled by a, by 1.5 by b."""
    names = ["".join(chosen) for chosen in product(*(("", bug) for bug in bugs))]
    networks = {f"gan_{name or 'plain'}": overrides(name) for name in names if name != left_out}
    block = made_up.VARIANTS["gan"]
    monkeypatch.setattr(made_up, "VARIANTS", dict.fromkeys(networks, block) | {"wgan_gp": made_up.VARIANTS["wgan_gp"]})
    monkeypatch.setattr(made_up, "_scores", _scores)
    variants = tuple(networks)
    return made_up.write_study(tmp_path, variants, (0, 1), diverged=(), networks=networks)


def _scores(dataset: str, variant: str, seed: int, end: int | None) -> pd.DataFrame:
    bugs = variant.removeprefix("gan_") if "plain" not in variant else ""
    last = 4.0 * (2 if "a" in bugs else 1) * (1.5 if "b" in bugs else 1) * (1.1**4 if {"a", "b"} <= set(bugs) else 1)
    rows = [(dataset, variant, seed, u, m, last) for u in made_up.SNAPSHOTS for m in ("cfid", "cfid_second")]
    rows += [
        (dataset, variant, seed, 120, "modes", 2.0 if "a" in bugs else 10.0),
        (dataset, variant, seed, 120, "recall", 0.5),
    ]
    return pd.DataFrame(rows, columns=["dataset", "variant", "seed", "update", "metric", "value"])


def test_changes_that_come_together_are_one(tmp_path, monkeypatch):
    (results,) = read_results(*study(tmp_path, monkeypatch))
    found = factorial.factorial(results)
    assert set(found.names) == {NAMES["a"], NAMES["b"]}
    assert found.of["gan_plain"] == frozenset() and found.of["gan_ab"] == {NAMES["a"], NAMES["b"]}


def test_who_fired_with_a_change_and_without(tmp_path, monkeypatch):
    (results,) = read_results(*study(tmp_path, monkeypatch))
    found = factorial.factorial(results)
    ((_, rows),) = factorial.detectors_table(results, found).groups
    (collapse,) = (row for row in rows if row[0].text == "mode collapse")
    cells = dict(zip((*found.names, "plain"), collapse[1:], strict=True))
    assert (cells[NAMES["a"]].text, cells[NAMES["a"]].below) == ("4/4", "without 0/4")
    assert (cells[NAMES["b"]].text, cells[NAMES["b"]].below) == ("2/4", "without 2/4")
    assert cells["plain"].text == "0/2"


def test_effects_are_ratios_and_an_interaction_is_what_exceeds_them(tmp_path, monkeypatch):
    (results,) = read_results(*study(tmp_path, monkeypatch))
    ((_, rows),) = factorial.effects_table(results, factorial.factorial(results)).groups
    effects = {row[0].text: row[1].text for row in rows}
    both = 1.1**2  # half of the log of 1.1⁴ belongs to each main effect, half to what both do together
    assert effects[NAMES["a"]] == f"{2 * both:.2f}×" and effects[NAMES["b"]] == f"{1.5 * both:.2f}×"
    assert [text for name, text in effects.items() if " with " in name] == [f"{both:.2f}×"]


def test_contrasts_of_a_product_of_factors_have_no_interaction():
    names = ("a", "b", "c")
    factors = {"a": 2.0, "b": 3.0, "c": 0.5}
    sets = [frozenset(n for n, on in zip(names, chosen, strict=True) if on) for chosen in product((0, 1), repeat=3)]
    runs = [(chosen, math.log(math.prod(factors[name] for name in chosen))) for chosen in sets]
    assert [math.exp(factorial.effect((name,), runs)) for name in names] == pytest.approx([2.0, 3.0, 0.5])
    assert factorial.effect(("a", "b"), runs) == pytest.approx(0) == factorial.effect(names, runs)


@pytest.mark.parametrize("left_out", ["ab", "", "a"])
def test_an_incomplete_factorial_has_no_section(left_out, tmp_path, monkeypatch):
    (results,) = read_results(*study(tmp_path, monkeypatch, left_out=left_out))
    assert factorial.section(results, None).blocks == ()


def test_one_change_alone_and_other_methods_have_no_section(tmp_path, monkeypatch):
    (results,) = read_results(*made_up.write_study(tmp_path / "methods"))
    assert factorial.section(results, None).blocks == ()
    (results,) = read_results(*study(tmp_path / "one", monkeypatch, bugs=("b",)))
    assert factorial.section(results, None).blocks == ()


def test_the_page_shows_it(tmp_path, monkeypatch):
    workspace, params = study(tmp_path, monkeypatch, bugs=("a", "b", "c"))
    write.write_report(workspace, params)
    text = (workspace.reports / "summary.md").read_text(encoding="utf-8")
    assert "### What each change does" in text and "| D.output sigmoid | 1.82× |" in text
