"""Runs whose G is fed something else than the others', trained and scored by the stages."""

import csv
import math

import pytest
import torch
from toy_study import Study, new_study, toy

from ganspeed.data.prepared import load_split
from ganspeed.params.load import load_params
from ganspeed.scoring.metrics import METRICS
from ganspeed.scoring.snapshots import load_scorer
from ganspeed.scoring.store import plan_task
from ganspeed.scoring.task import Task
from ganspeed.system.files import read_json
from ganspeed.workspace import Workspace

OWN = {
    "gan": {"labels": "planes", "range": "standard", "G": {"dropout": 0.2}, "D": {"norm": "spectral", "dropout": 0.2}},
    "wgan": {"latent": {"law": "uniform"}, "G": {"body": "mlp", "norm": "layer"}, "D": {"body": "pyramid"}},
    "infogan": {},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """All of them trained and scored, one seed each."""

    def change(document) -> None:
        toy(document, variants=tuple(OWN), seeds=(0,))
        for name, networks in OWN.items():
            document["variants"][name]["networks"] = networks

    made = new_study(tmp_path_factory.mktemp("networks") / "study", git=False)
    made.edit(change)
    cells = [f"{stage}.py digits {name}" for name in OWN for stage in ("train", "evaluate")]
    made.stages("prepare.py digits", "features.py digits", *cells)
    return made


def task(study: Study, variant: str) -> Task:
    workspace = Workspace(study.root)
    run, params = workspace.run("digits", variant, 0), load_params(workspace.params)
    return plan_task(workspace, params, "digits", variant, 0, run, torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "fed", "own"),
    [
        ("gan", {"law": "normal", "classes": 10}, ["asked"]),
        ("wgan", {"law": "uniform"}, []),
        ("infogan", {"law": "normal", "categorical": 10, "continuous": 2}, ["code_accuracy", "code_chance"]),
    ],
)
def test_a_run_records_what_its_g_is_fed_and_is_scored_by_it(variant, fed, own, study):
    one = task(study, variant)
    none = {"dim": 4, "categorical": 0, "continuous": 0, "classes": 0}
    assert read_json(one.run / "run.json")["parameters"]["latents"] == none | fed
    table = list(
        csv.DictReader((study.root / f"artifacts/scores/digits/{variant}/seed-0.csv").read_text().splitlines())
    )
    assert {line["metric"] for line in table} == {m.name for m in METRICS if m.fed is None or m.name in own}
    assert {int(line["update"]) for line in table if line["metric"] == "cfid"} == set(one.snapshots)
    assert all(math.isfinite(float(line["value"])) for line in table)


@pytest.mark.slow
def test_classes_are_fed_as_often_as_training_has_them(study):
    one = task(study, "gan")
    z, (_, labels) = load_scorer(one.inputs).z(one), load_split(one.prepared, "train")
    assert z.shape == (400, 4 + 10)
    assert torch.equal(z[:, 4:].sum(1), torch.ones(400))
    often = torch.bincount(torch.tensor(labels), minlength=10) / len(labels)
    torch.testing.assert_close(z[:, 4:].mean(0), often, atol=0.05, rtol=0)


@pytest.mark.slow
def test_runs_that_are_fed_by_another_law_get_other_z(study):
    conditional, uniform = (task(study, name) for name in ("gan", "wgan"))
    scorer = load_scorer(uniform.inputs)
    z, normal = scorer.z(uniform), scorer.z(conditional)[:, :4]
    assert z.shape == (400, 4) and z.min() >= -1 and z.max() < 1
    assert normal.abs().max() > 1 and not torch.equal(z, normal)
