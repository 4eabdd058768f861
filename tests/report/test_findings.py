"""Findings in the report: beside the run, in a table with what to try, no part of a time, and of no healthy run."""

import json

import made_up
import pandas as pd
import pytest
import torch

from ganspeed.data.prepare import prepare_dataset
from ganspeed.diagnosis import all_detectors
from ganspeed.diagnosis.stored import stored_findings
from ganspeed.params.blocks import Diagnosis
from ganspeed.params.datasets import Features
from ganspeed.params.load import parse_params
from ganspeed.report import write
from ganspeed.report.read import read_results
from ganspeed.report.sections import diagnosis
from ganspeed.runs.train import train_cell
from ganspeed.scoring.store import score_variant
from ganspeed.scoring.train_classifier import build
from ganspeed.study.run_grid import run_grid
from ganspeed.workspace import Workspace

BLOW_UP, EXPLODING_LAMBDA = "critic blow-up", "exploding lambda"


@pytest.fixture
def tight(tmp_path):
    """A study whose bounds all runs of `iterative` exceed, by their gaps and by lambda."""
    workspace, params = made_up.write_study(tmp_path / "study", diverged=())
    report = params.report.model_copy(update={"diagnosis": Diagnosis(gap=3.0, penalty_weight=6.0, modes=0.1)})
    return workspace, params.model_copy(update={"report": report})


def test_findings_are_in_page_and_comparison_and_change_nothing_else(tight):
    workspace, params = tight
    before = json.loads(workspace.comparison("digits").read_text())
    write.write_report(workspace, params)
    written = json.loads((workspace.reports / "comparison" / "digits.json").read_text())
    own = {(row["variant"], row["seed"], row["finding"]): row["since"] for row in written["findings"]}
    assert own["iterative", 0, "critic_blow_up"] == own["iterative", 0, "exploding_lambda"] == 10
    assert {key: written[key] for key in before} == before
    for page in ("index.html", "summary.md"):
        text = (workspace.reports / page).read_text(encoding="utf-8")
        assert text.count(f"{BLOW_UP}, {EXPLODING_LAMBDA}") == 3  # iterative's runs


def test_a_table_counts_runs_and_says_since_when_and_another_what_to_try(tight):
    (results,) = read_results(*tight)
    found, advice = (block.groups[0][1] for block in diagnosis.section(results, None).blocks)
    texts = {(row[0].text, row[1].text): [cell.text for cell in row[2:]] for row in found}
    assert texts["iterative", EXPLODING_LAMBDA] == ["3/3", "10"]
    assert {finding for _, finding in texts} == {BLOW_UP, EXPLODING_LAMBDA}
    kinds = {row[0].text: [cell.text for cell in row[1:]] for row in advice}
    assert kinds.keys() == {BLOW_UP, EXPLODING_LAMBDA} and "lambda_0" in kinds[EXPLODING_LAMBDA][1]
    assert "`" not in str(kinds)


def test_a_study_without_findings_says_so(tmp_path):
    (results,) = read_results(*made_up.write_study(tmp_path, diverged=()))
    assert diagnosis.section(results, None).blocks == ("Nothing was found on digits, in 3 seeds of any variant.",)


@pytest.mark.slow
def test_nothing_is_found_on_ten_healthy_runs(document, tmp_path, monkeypatch):
    """Five shipped recipes with two seeds each, really trained and scored for 160 updates."""
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    monkeypatch.setenv("GANSPEED_WORKERS", "1")  # in this process: starting others takes seconds
    digits, variants = document["datasets"]["digits"], ["gan", "wgan", "wgan_gp", "iterative", "iterative_weight"]
    digits["train"] |= {"updates": 160, "grid_ratio": 1.5, "log_every": 10}
    digits["features"] |= {"epochs": 10, "min_accuracy": 0.5}
    digits["evaluate"] |= {"samples": 500}
    document["evaluate"] |= {"full_snapshots": 0, "transport_samples": 100, "kid_subsets": 5, "kid_subset_size": 100}
    document["compare"] |= {"variants": variants, "seeds": [0, 1]}
    study, workspace, block = parse_params(document), Workspace(tmp_path), digits["features"]
    prepared = workspace.prepared("digits")
    prepare_dataset("digits", study.datasets["digits"].data, tmp_path, prepared)
    build("digits", Features(**block), prepared, workspace.features("digits"), torch.device("cpu"))
    levels = [("pixel_gaussian", "cfid", 4.2, 497), ("test", "modes", 10.0, 497)]
    made_up._write_csv(workspace.calibration("digits"), pd.DataFrame(levels, columns=["row", "metric", "value", "n"]))
    run_grid(workspace, study, lambda specs: [])
    for variant in variants:
        train_cell(workspace, study, "digits", variant, lambda specs: [])
        score_variant(workspace, study, "digits", variant)
    found, lacking = stored_findings(workspace, study, "digits", variants)
    assert lacking == [] and len(found) == 10
    own = {(key, f.name): f.statistic for key, findings in found.items() for f in findings}
    assert {key: statistic for key, statistic in own.items() if (key[0][0], key[1]) not in SO_EARLY} == {}
    asked = set(all_detectors()) - {"dominant_adversarial_part", "exploding_lambda", "plateau"}  # in three snapshots
    assert {name for findings in found.values() for name in findings.not_asked} & (asked - LOGITS) == set()


SO_EARLY = {("gan", "mode_collapse")}  # by its recall, which comes later in the run; its precision is high
LOGITS = {"sigmoid_before_logits", "fooled_discriminator", "discriminator_at_chance"}  # asked of gan alone
