"""Flags: raised beyond their bounds alone, shown beside the run, no part of its time, and by no healthy run."""

import json

import made_up
import pandas as pd
import pytest
import torch

from ganspeed.data.prepare import prepare_dataset
from ganspeed.params.blocks import Flags
from ganspeed.params.datasets import Features
from ganspeed.params.load import parse_params
from ganspeed.report import write
from ganspeed.report.flags import BLOW_UP, EXPLODING_LAMBDA, MODE_COLLAPSE, flags_of
from ganspeed.runs.train import train_cell
from ganspeed.scoring.store import score_variant
from ganspeed.scoring.train_classifier import build
from ganspeed.study.run_grid import run_grid
from ganspeed.workspace import Workspace

BOUNDS = Flags(gap=100.0, penalty_weight=50.0, modes=0.5)


def history(**columns) -> pd.DataFrame:
    return pd.DataFrame({"update": [1, 10, 20], "gap": [0.1, 2.0, 1.0]} | columns)


def scores(*modes: float) -> pd.DataFrame:
    rows = [(10 * i, "modes", float(value)) for i, value in enumerate(modes)]
    return pd.DataFrame([*rows, (10, "cfid", 1.0)], columns=["update", "metric", "value"])


@pytest.mark.parametrize(
    ("changes", "modes", "flags"),
    [
        ({}, (0, 10), []),
        ({"gap": [0.0, 100.0, 0.0]}, (0, 10), []),
        ({"gap": [0.0, -100.1, 0.0]}, (0, 10), [BLOW_UP]),
        ({"diagnostics/lambda": [10.0, 50.0, 10.0]}, (0, 10), []),
        ({"diagnostics/lambda": [10.0, 51.0, 10.0]}, (0, 10), [EXPLODING_LAMBDA]),
        ({}, (0, 5), []),
        ({}, (10, 4), [MODE_COLLAPSE]),
        ({"gap": [1e9] * 3, "diagnostics/lambda": [1e9] * 3}, (10, 1), [BLOW_UP, EXPLODING_LAMBDA, MODE_COLLAPSE]),
    ],
)
def test_a_flag_is_raised_beyond_its_bound_alone(changes, modes, flags):
    assert flags_of(history(**changes), scores(*modes), 10.0, BOUNDS) == flags


def test_what_is_not_known_raises_no_flag():
    """A data set without calibrated modes, and a run that diverged before it logged anything."""
    assert flags_of(history(), scores(0), None, BOUNDS) == []
    assert flags_of(pd.DataFrame({"update": []}), scores()[:0], 10.0, BOUNDS) == []


def test_flags_are_in_page_and_comparison_and_change_nothing_else(tmp_path):
    workspace, study = made_up.write_study(tmp_path / "study")
    before = json.loads(workspace.comparison("digits").read_text())
    tight = study.report.model_copy(update={"flags": Flags(gap=3.0, penalty_weight=6.0, modes=0.1)})
    write.write_report(workspace, study.model_copy(update={"report": tight}))
    written = json.loads((workspace.reports / "comparison" / "digits.json").read_text())
    flags = {(row["variant"], row["seed"]): row["flags"] for row in written["flags"]}
    assert flags["iterative", 0] == [BLOW_UP, EXPLODING_LAMBDA] and flags["wgan_gp", 1] == [BLOW_UP]
    assert {key: written[key] for key in before} == before
    for page in ("index.html", "summary.md"):
        text = (workspace.reports / page).read_text(encoding="utf-8")
        assert text.count(f"{BLOW_UP}, {EXPLODING_LAMBDA}") == 3  # iterative's runs


@pytest.mark.slow
def test_no_flag_is_raised_on_ten_healthy_runs(document, tmp_path, monkeypatch):
    """Five shipped recipes with two seeds each, really trained and scored for 160 updates."""
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    monkeypatch.setenv("GANSPEED_WORKERS", "1")  # in this process: starting others takes seconds
    digits, variants = document["datasets"]["digits"], ["gan", "wgan", "wgan_gp", "iterative", "iterative_weight"]
    digits["train"] |= {"updates": 160, "grid_ratio": 1.5}
    digits["features"] |= {"epochs": 10, "min_accuracy": 0.5}
    digits["evaluate"] |= {"samples": 500}
    document["evaluate"] |= {"full_snapshots": 0, "transport_samples": 100, "kid_subsets": 5, "kid_subset_size": 100}
    document["compare"] |= {"variants": variants, "seeds": [0, 1]}
    study, workspace, block = parse_params(document), Workspace(tmp_path), digits["features"]
    prepared = workspace.prepared("digits")
    prepare_dataset("digits", study.datasets["digits"].data, tmp_path, prepared)
    build("digits", Features(**block), prepared, workspace.features("digits"), torch.device("cpu"))
    run_grid(workspace, study, lambda specs: [])
    for variant in variants:
        train_cell(workspace, study, "digits", variant, lambda specs: [])
        score_variant(workspace, study, "digits", variant)
        for seed in (0, 1):
            run = pd.read_csv(workspace.run("digits", variant, seed) / "history.csv")
            scored = pd.read_csv(workspace.scores("digits", variant, seed))
            assert flags_of(run, scored, 10.0, study.report.flags) == []
            assert run["gap"].abs().max() > 0.1 and (scored["metric"] == "modes").any()
