"""A provenance that is lost or damaged blocks nothing: its run counts as one of no known commit, and doctor says so."""

import json
from pathlib import Path

import made_up
import pytest

from ganspeed import cli
from ganspeed.errors import UserError
from ganspeed.report.read import read_results
from ganspeed.report.sections import what_was_run
from ganspeed.runs.provenance import Provenance, read_provenance
from ganspeed.system.files import read_json

CELL = ("digits", "gan", 0)
DAMAGED = [None, "", "{}", "[]", '{"commit": 5}', "half of wh"]


def damage(path: Path, content: str | None) -> None:
    path.unlink() if content is None else path.write_text(content)


def test_a_whole_one_is_read_as_it_was_written(tmp_path):
    provenance = Provenance(tmp_path / "provenance.json", ("abc", False), resumed=False)
    provenance.tick(5)
    provenance.save()
    assert read_provenance(provenance.path) == provenance.record
    assert Provenance(provenance.path, ("abc", False), resumed=True).record.resumes == 1


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_one_is_refused_by_name(content, tmp_path):
    path = tmp_path / "provenance.json"
    path.touch()
    damage(path, content)
    with pytest.raises(UserError, match=r"provenance\.json: (no such file|damaged)"):
        read_provenance(path)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_run_resumed_without_it_takes_no_commit_for_its_own(content, tmp_path, capsys):
    path = Provenance(tmp_path / "provenance.json", ("abc", False), resumed=False).path
    damage(path, content)
    resumed = Provenance(path, tmp_path, resumed=True)
    resumed.tick(8)
    resumed.save()
    assert (read_json(path)["commit"], read_json(path)["dirty"]) == ("unknown", None)
    assert "provenance.json: " in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_the_report_is_made_and_confirms_nothing(content, tmp_path, capsys):
    seeds = tuple(range(100, 108))
    planned = (("gan", "wgan_gp"),)
    workspace, params = made_up.write_study(tmp_path, ("wgan_gp", "gan"), seeds, diverged=(), planned=planned)
    path = workspace.provenance("digits", "gan", 100)
    damage(path, content)
    (results,) = read_results(workspace, params)
    read_results(workspace, params)
    said = capsys.readouterr().err
    assert said.count(f"{path}: ") == 1 and "the run counts as one of no known commit" in said
    assert [what_was_run.commit(run) for run in results.runs].count("unknown") == 1
    assert results.status.name == "exploratory" and "1 runs of no known commit" in results.status.reasons


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_the_doctor_names_it_and_the_way_out(content, tmp_path, capsys):
    workspace, _ = made_up.write_study(tmp_path / "study", ("wgan_gp", "gan"), (0, 1), diverged=())
    assert cli.main(["--root", str(workspace.root), "doctor"]) == 0
    damage(workspace.provenance(*CELL), content)
    assert cli.main(["--root", str(workspace.root), "doctor"]) == 2
    line = capsys.readouterr().err
    assert str(workspace.provenance(*CELL)) in line
    assert (
        "the study goes on, its run one of no known commit; `GANSPEED_FRESH=1 dvc repro -f -s train@digits-gan`" in line
    )


def test_the_doctor_names_those_of_the_run_cache_too(tmp_path, capsys):
    workspace, _ = made_up.write_study(tmp_path / "study", ("wgan_gp",), (0,), diverged=())
    path = workspace.run_cache / ("f" * 64) / "provenance.json"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert cli.main(["--root", str(workspace.root), "doctor"]) == 2
    assert f"{path}: damaged" in (said := capsys.readouterr().err) and f"removing {path.parent} trains it again" in said


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"fingerprint": "f"})])
def test_the_doctor_names_a_damaged_label_of_scores(content, tmp_path, capsys):
    workspace, _ = made_up.write_study(tmp_path / "study", ("wgan_gp", "gan"), (0, 1), diverged=())
    label = workspace.scores(*CELL).with_suffix(".json")
    label.write_text(content)
    assert cli.main(["--root", str(workspace.root), "doctor"]) == 2
    assert f"{label}: damaged" in (said := capsys.readouterr().err) and "`dvc repro` scores the run again" in said
