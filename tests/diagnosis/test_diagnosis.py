"""Detectors as a whole: found as files, in their order, silent where evidence is missing, light, and in words."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_evidence import LEVELS, evidence, history, scores

from ganspeed import diagnosis
from ganspeed.diagnosis import Evidence, all_detectors, diagnosed, text
from ganspeed.params.blocks import Diagnosis
from ganspeed.params.reference.keys import keys

BOUNDS = Diagnosis()
FOLDER = Path(diagnosis.__file__).parent / "detectors"
COLLAPSED = {"probe__distance_fake": 0.01}


def test_every_file_is_a_detector_and_they_have_an_order():
    assert set(all_detectors()) == {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert [detector.number for detector in all_detectors().values()] == list(range(1, len(all_detectors()) + 1))
    assert len({detector.title for detector in all_detectors().values()}) == len(all_detectors())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_detector_reads_evidence_and_bounds_and_no_block_of_a_variant(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    of_package = {node.module for node in nodes if node.module.startswith("ganspeed")}
    assert of_package <= {"ganspeed.diagnosis", "ganspeed.diagnosis.series", "ganspeed.params.blocks"}


def test_what_detectors_need_no_torch():
    code = "import sys, ganspeed; from ganspeed.diagnosis import all_detectors, stored, loss_log, text; all_detectors()"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)


def test_without_evidence_everything_is_not_asked_and_says_what_it_lacks():
    found = diagnosed(Evidence(pd.DataFrame({"update": []})), BOUNDS)
    assert found.names == [] and set(found.not_asked) == set(all_detectors()) - {"not_finite"}
    assert found.not_asked["exploding_lambda"] == "no column diagnostics/lambda"
    assert "no scores of cfid" in found.not_asked["plateau"]


@pytest.mark.parametrize("name", sorted(set(all_detectors()) - {"not_finite", "fooled_discriminator"}))
def test_a_detector_whose_evidence_is_missing_is_not_asked(name):
    """What it asks for is taken away: the columns and metrics that a detector's file names."""
    source = (FOLDER / f"{name}.py").read_text()
    whole = evidence({"g__content": 5.0, "diagnostics__lambda": 1.0})
    lacking = [
        column for column in whole.history if column != "update" and (f'"{column}"' in source or "_{player}" in source)
    ]
    metrics = [metric for metric in ("cfid", "modes", "recall") if f'"{metric}"' in source]
    scores = whole.scores[~whole.scores.metric.isin(metrics)]
    history = whole.history.drop(columns=lacking)
    assert lacking or metrics
    assert name in diagnosed(Evidence(history, scores, True, None, 4.2, 4.5, 10.0), BOUNDS).not_asked


def test_a_column_of_another_variant_alone_is_a_missing_one():
    """In the report, runs of all variants are one table: what a run does not log is NaN in its rows."""
    table = evidence().history.assign(**{"diagnostics/lambda": np.nan})
    assert "exploding_lambda" in diagnosed(Evidence(table, logits=True), BOUNDS).not_asked


def test_findings_print_as_a_table_with_what_to_try():
    found = diagnosed(evidence(COLLAPSED, logits=False), BOUNDS)
    lines = str(found).splitlines()
    assert lines[0].split() == ["finding", "since", "statistic", "against", "bound"]
    assert lines[1].startswith("mode collapse") and "0.0167 < 0.3" in lines[1]
    assert "mode collapse: mode_collapse" in lines and any(line.startswith("  Try: A smaller batch") for line in lines)
    assert any(line.startswith("  sigmoid_before_logits: the loss does not take") for line in lines)
    assert found[0].name == "mode_collapse" and len(found) == 1 == len(list(found))
    assert "<td>mode collapse</td>" in found._repr_html_()


def test_a_run_that_diverged_in_its_first_update_is_not_finite_alone():
    """It has the row of update 0 alone, and the scores of its first snapshot."""
    first, scored = (table[table["update"] == 0] for table in (history(), scores()))
    found = diagnosed(Evidence(first, scored, True, diverged_at=1, **LEVELS), BOUNDS)
    assert found.names == ["not_finite"] and "no row after update 0" in found.not_asked["discriminator_fit"]


def test_of_a_healthy_run_it_says_that_nothing_was_found():
    found = diagnosed(evidence(), BOUNDS)
    assert str(found).startswith("Nothing found.") and "Nothing found" in found._repr_html_()


def test_variants_are_summed_up_by_how_many_runs_and_the_median_update():
    def collapsed(since: int):
        rows = {"probe__distance_fake": lambda u: np.where(u >= since, 0.01, 0.5)}
        return diagnosed(evidence(rows), BOUNDS)

    healthy = diagnosed(evidence(), BOUNDS)
    runs = {
        ("a", 0): collapsed(300),
        ("a", 1): healthy,
        ("a", 2): collapsed(100),
        ("a", 3): collapsed(200),
        ("b", 0): healthy,
    }
    rows = text.of_variants(runs).splitlines()
    assert rows[1].split()[:6] == ["a", "mode", "collapse", "3", "of", "4"] and rows[1].split()[6] == "200"
    assert not any(row.startswith("b ") for row in rows)
    each = text.of_runs(runs).splitlines()
    assert [line.split()[:2] for line in each[1:4]] == [["a", "0"], ["a", "2"], ["a", "3"]]


def test_every_bound_says_which_detector_it_is_of():
    effects = {key.path.split(".")[-1]: key.effect for key in keys() if key.path.startswith("report.diagnosis.")}
    shared = {"early", "tail", "rows"}
    assert set(effects) == set(Diagnosis.model_fields)
    assert {effect.split(":")[0] for name, effect in effects.items() if name not in shared} <= set(all_detectors())
