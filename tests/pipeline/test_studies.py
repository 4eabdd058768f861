"""The stages of studies/dvc.yaml by the real dvc: never started by plain `dvc repro`, resumed, and adopted."""

import json

import pytest
from toy_study import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def stages(done) -> set[str]:
    return {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage '")}


def test_tuning_and_pilot_run_when_asked_for_and_at_no_other_time(study):
    before = study.record()
    done = stages(study.run("dvc", "repro", "studies/dvc.yaml:tune"))
    assert "studies/dvc.yaml:tune@digits" in done and not [s for s in done if "train@" in s or "pilot" in s]
    tuned = study.root / "artifacts/tuning/digits.json"
    first = (tuned.read_bytes(), tuned.with_suffix(".csv").read_bytes())
    assert json.loads(first[0])["trials"] == {"gan_tuned": 2, "wgan_tuned": 2}

    tuned.unlink()  # a tuning that lost its end goes on from what it had scored
    study.run("dvc", "repro", "studies/dvc.yaml:tune")
    assert (tuned.read_bytes(), tuned.with_suffix(".csv").read_bytes()) == first

    study.run("ganspeed", "adopt-tuning", "digits")
    assert {"gan_tuned", "wgan_tuned"} <= set(yaml.load(study.root / "params.yaml")["variants"])
    assert (study.root / "preregistration/digits-tuning.json").exists()

    done = stages(study.run("dvc", "repro", "studies/dvc.yaml:pilot"))
    assert "studies/dvc.yaml:pilot@digits" in done and not [s for s in done if "train@" in s or "tune" in s]
    label = json.loads((study.root / "artifacts/pilot/digits.json").read_text())
    assert (label["seeds"], label["split"], label["updates"]) == ([800, 801], "val", 24)
    assert stages(study.run("dvc", "repro", "studies/dvc.yaml")) == {"studies/dvc.yaml:tune@digits"}  # kept inside
    assert stages(study.run("dvc", "repro", "studies/dvc.yaml")) == set()
    assert study.record() == before

    def edited(document):
        document["compare"].update({"variants": ["gan_tuned"], "seeds": [0]})
        document["tuning"].update({"trials": 3})
        document["pilot"].update({"seeds": [803]})

    study.edit(edited)
    done = stages(study.run("dvc", "repro"))
    assert "report" in done and "timing@digits" in done and not [s for s in done if s.startswith("studies/")]
    assert json.loads((study.root / "artifacts/timing/digits.json").read_text())["seconds_per_update"] == {}
