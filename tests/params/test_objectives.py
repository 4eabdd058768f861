"""What the check reads of an objective's source."""

from dataclasses import asdict

import pytest

from ganspeed import objectives
from ganspeed.params import objectives as parsed

SOURCE = """
class Mine(Objective):
    penalises_gradient: bool = True
    body: str
    logits = labels = True
    draws: Mapping[str, str] = {"noise": "image"}
    scale = 2 * 2
"""


def test_the_defaults_are_those_of_the_base_of_all_objectives():
    defaults = asdict(parsed.Declarations())
    assert {name: getattr(objectives.Objective, name) for name in defaults} == defaults


@pytest.mark.parametrize("name", parsed.objective_names())
def test_what_is_read_is_what_the_class_has(name):
    declared, made = asdict(parsed.objective_declarations(name)), objectives._class(name)
    assert {key: getattr(made, key) for key in declared} == declared


def test_literals_are_read_with_an_annotation_too(tmp_path, monkeypatch):
    monkeypatch.setattr(parsed, "OBJECTIVES", tmp_path)
    (tmp_path / "mine.py").write_text(SOURCE)
    found = parsed.objective_declarations.__wrapped__("mine")
    assert found == parsed.Declarations(penalises_gradient=True, logits=True, labels=True, draws={"noise": "image"})


@pytest.mark.parametrize("name", ["agp", "iterative_penalty", "replayed_penalty"])
def test_an_objective_whose_formulas_were_not_at_hand_names_its_paper(name):
    assert "at hand" in parsed.objective_declarations(name).our_reading_of
