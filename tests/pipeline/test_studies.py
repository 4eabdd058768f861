"""Tuning and pilot by `make` and the real dvc: never started by plain `dvc repro`, resumed, and adopted."""

import json

import pytest
from toy_study import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def stages(done) -> set[str]:
    return {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage '")}


def make(study, target: str):
    return study.run("make", "-o", ".venv/.installed", target)


def test_dvc_says_up_to_date_and_draws_what_fits_a_screen(study):
    assert "up to date" in study.run("dvc", "status").stdout
    drawn = study.run("dvc", "dag", "--collapse-foreach-matrix").stdout.splitlines()
    assert "report" in "".join(drawn) and "tune" not in "".join(drawn)
    assert max(map(len, drawn)) <= 140 and len(drawn) <= 50


def test_tuning_and_pilot_run_when_asked_for_and_at_no_other_time(study):
    before = study.record()
    done = stages(make(study, "tune"))
    assert "studies/dvc.yaml:tune@digits" in done and not [s for s in done if "train@" in s or "pilot" in s]
    tuned = study.root / "artifacts/tuning/digits.json"
    first = (tuned.read_bytes(), tuned.with_suffix(".csv").read_bytes())
    assert json.loads(first[0])["trials"] == {"gan_tuned": 2, "wgan_tuned": 2}

    tuned.unlink()  # a tuning that lost its end goes on from what it had scored
    make(study, "tune")
    assert (tuned.read_bytes(), tuned.with_suffix(".csv").read_bytes()) == first

    study.run("ganspeed", "adopt-tuning", "digits")
    assert {"gan_tuned", "wgan_tuned"} <= set(yaml.load(study.root / "params.yaml")["variants"])
    assert (study.root / "preregistration/digits-tuning.json").exists()

    done = stages(make(study, "pilot"))
    assert "studies/dvc.yaml:pilot@digits" in done and not [s for s in done if "train@" in s or "tune" in s]
    label = json.loads((study.root / "artifacts/pilot/digits.json").read_text())
    assert (label["seeds"], label["split"], label["updates"]) == ([800, 801], "val", 24)
    assert stages(make(study, "tune")) == {"studies/dvc.yaml:tune@digits"}  # kept inside
    assert stages(make(study, "tune")) == stages(make(study, "pilot")) == set()
    assert not (study.root / "studies/dvc.yaml").exists() and (study.root / "studies/dvc.lock").exists()
    assert study.record() == before

    def edited(document):
        document["compare"].update({"variants": ["gan_tuned"], "seeds": [0]})
        document["tuning"].update({"trials": 3})
        document["pilot"].update({"seeds": [803]})

    study.edit(edited)
    done = stages(study.run("dvc", "repro"))
    assert "report" in done and "timing@digits" in done and not [s for s in done if s.startswith("studies/")]
    assert json.loads((study.root / "artifacts/timing/digits.json").read_text())["seconds_per_update"] == {}
