"""Pilot and tuning refuse variants that a data set cannot train; what only asks for the runs goes on."""

import pytest
from toy_study import TINY_NETWORKS, TINY_TRAIN, write_prepared

from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.runs.spec import plan_runs
from ganspeed.study.needed_runs import needed_runs
from ganspeed.study.pilot import run_pilot
from ganspeed.study.tuning.tune import run_tuning
from ganspeed.system.files import read_json, write_json

TIES = "datasets.digits.networks.D.norm: 'batch' ties samples together, but variants.wgan_gp.objective: wgan_gp"
NO_CLASSES = "variants.conditional.networks.labels: 'planes', but datasets.digits.data has no classes, by .*/digits$"
WGAN_GP, CONDITIONAL = ({"arm_tuned": {"variant": name, "own": {}}} for name in ("wgan_gp", "conditional"))
STAGES = pytest.mark.parametrize("stage", [run_pilot, run_tuning])


@pytest.fixture
def document(document, monkeypatch):
    """A grid of gan alone, on tiny networks."""
    monkeypatch.setenv("GANSPEED_DEVICE", "cpu")
    document["datasets"]["digits"]["networks"] = TINY_NETWORKS
    document["datasets"]["digits"]["train"] |= TINY_TRAIN
    document["compare"] |= {"variants": ["gan"], "seeds": [0]}
    document["tuning"] |= {"trials": 1, "updates": 12, "arms": WGAN_GP}
    return document


@STAGES
def test_networks_outside_the_grid_are_refused_as_the_check_does(stage, document, tmp_path):
    networks = TINY_NETWORKS | {"D": TINY_NETWORKS["D"] | {"norm": "batch"}}
    document["datasets"]["digits"]["networks"] = networks
    workspace = write_prepared(document, tmp_path)
    params = load_params(workspace.params)  # the grid is sound
    with pytest.raises(UserError, match=TIES):
        stage(workspace, params, "digits", None)
    assert needed_runs(workspace, params)


@STAGES
def test_a_data_set_without_classes_trains_no_variant_by_class(stage, document, tmp_path):
    document["variants"]["conditional"] = document["variants"]["gan"] | {"networks": {"labels": "planes"}}
    document["pilot"]["variant"], document["tuning"]["arms"] = "conditional", CONDITIONAL
    workspace = write_prepared(document, tmp_path)
    manifest = workspace.prepared("digits") / "manifest.json"
    write_json(manifest, read_json(manifest) | {"classes": []})
    params = load_params(workspace.params)
    with pytest.raises(UserError, match=NO_CLASSES):
        stage(workspace, params, "digits", None)
    with pytest.raises(UserError, match=NO_CLASSES):
        plan_runs(workspace, params, "cpu", "digits", "conditional")
    assert plan_runs(workspace, params, "cpu", "digits", "gan")
