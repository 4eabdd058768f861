"""Same seed, code and machine: the same bytes, whatever else differs between two processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from digests import digests
from faults import copy, run
from toy_study import toy, write

from ganspeed.workspace import Workspace

pytestmark = pytest.mark.slow
TRAIN_AND_SCORE = """
from pathlib import Path
from ganspeed.params.load import load_params
from ganspeed.runs.train import train_cell
from ganspeed.scoring.store import score_variant
from ganspeed.workspace import Workspace
workspace = Workspace(Path.cwd())
study = load_params(workspace.params)
train_cell(workspace, study, "digits", "iterative", lambda specs: [])
score_variant(workspace, study, "digits", "iterative")
"""


def train_and_score(workspace: Workspace, **environment: str) -> dict[str, str]:
    """In a process of its own; returns the bytes of runs and scores."""
    settings = os.environ | {"GANSPEED_DEVICE": "cpu", "GANSPEED_WORKERS": "1"} | environment
    subprocess.run([sys.executable, "-c", TRAIN_AND_SCORE], cwd=workspace.root, env=settings, check=True)
    return {
        f"{kind}/{name}": digest
        for kind in ("runs", "scores")
        for name, digest in digests(workspace.artifacts / kind).items()
    }


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_neither_the_hash_seed_nor_the_number_of_workers_changes_a_byte(device, prepared, tmp_path):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    one, other = (
        train_and_score(
            copy(prepared, tmp_path / seed), PYTHONHASHSEED=seed, GANSPEED_WORKERS=seed, GANSPEED_DEVICE=device
        )
        for seed in ("1", "2")
    )
    assert {Path(name).name for name in one} >= {"history.csv", "0000012.safetensors", "seed-0.csv", "seed-1.json"}
    assert one == other


def test_logging_and_evaluating_twice_as_often_changes_no_weight(prepared, document, tmp_path):
    """Checkpoints too. Of the snapshots that both have and of the rows at the same updates no byte differs."""
    seldom, often = (copy(prepared, tmp_path / name) for name in ("seldom", "often"))
    toy(document, ["iterative"])
    document["datasets"]["digits"]["train"] |= {"log_every": 2, "checkpoint_every": 2, "grid_ratio": 1.1}
    document["evaluate"]["full_snapshots"] = 4
    write(document, often.root)
    for workspace in (seldom, often):
        ended = run(workspace, "train", "evaluate")
        assert ended.status == 0, ended.said
    seldom_run, often_run = (workspace.run("digits", "iterative", 0) for workspace in (seldom, often))
    seldom_weights, often_weights = (digests(folder / "snapshots") for folder in (seldom_run, often_run))
    assert len(seldom_weights) < len(often_weights) and seldom_weights.items() <= often_weights.items()
    rows, more = ((folder / "history.csv").read_text().splitlines() for folder in (seldom_run, often_run))
    assert len(rows) < len(more) and set(rows) < set(more)
