"""A file of a study that is empty, cut or of another shape is named with what is wrong and what to do: no traceback."""

import json
from pathlib import Path

import made_up
import pytest

from ganspeed.compare.read import read_calibration, read_records
from ganspeed.errors import UserError
from ganspeed.report.read import read_results
from ganspeed.scoring.read import read_scores
from ganspeed.study.adopt_tuning import adopt_tuning
from ganspeed.study.freeze import freeze
from ganspeed.study.tuning.storage import Storage

PLANNED = (("iterative", "wgan_gp"),)


@pytest.fixture
def study(tmp_path):
    return made_up.write_study(tmp_path, planned=PLANNED)


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", "null", '{"chosen": {"gan": 1}}', '{"chosen": [', "\0"])
def test_a_damaged_record_of_a_study_is_to_be_restored(content, study):
    workspace, params = study
    for path in (workspace.preregistration("digits"), workspace.tuning_record("digits")):
        whole = path.read_text()
        path.write_text(content)
        with pytest.raises(UserError, match="damaged: .*; restore it by git, or remove it and run `ganspeed") as error:
            read_records(workspace, "digits")
        assert str(error.value).startswith(f"{path}: ") and len(str(error.value).splitlines()) == 1
        with pytest.raises(UserError, match="restore it by git"):
            read_results(workspace, params)
        path.write_text(whole)


@pytest.mark.parametrize(
    "wrong", [{"run": None}, {"run": []}, {"evaluate": []}, {"samples": "x"}, {"parameters": []}, {"sources": 1}]
)
def test_a_label_of_scores_of_another_shape_is_to_be_made_again(wrong, study):
    workspace, params = study
    path = workspace.scores("digits", "gan", 0).with_suffix(".json")
    label = json.loads(path.read_text())
    ((key, value),) = wrong.items()
    (label["run"] if key in label["run"] else label)[key] = value
    path.write_text(json.dumps(label))
    with pytest.raises(UserError, match=f"^{path}: damaged: .*; run the stage `evaluate`$"):
        read_scores(workspace, "digits", params)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "row,metric,value,n\nfloor,cfid,high,1\n", "\0", None])
def test_a_damaged_calibration_is_to_be_written_again(content, study):
    workspace, _ = study
    path = workspace.calibration("digits")
    path.write_text(content) if content is not None else path.unlink()
    with pytest.raises(UserError, match="dvc repro -f calibrate@digits` writes it") as error:
        read_calibration(workspace, "digits")
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", '{"chosen": {}}', '{"chosen": {"gan": 1}}', "\0"])
def test_files_that_a_command_needs_say_which_target_writes_them(content, study):
    """Of pilot, tuning and classifiers: `freeze`, `adopt-tuning` and the report end in one line, nothing written."""
    workspace, params = study
    before = workspace.params.read_bytes(), workspace.preregistration("digits").read_bytes()
    pilot, tuning = workspace.pilot("digits"), workspace.tuning("digits")
    accuracy = workspace.features("digits") / "accuracy.json"
    whole = "dataset,variant,seed,update,metric,value\n"

    def refused(path: Path, command, remedy: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        with pytest.raises(UserError, match=remedy):
            command()

    pilot.parent.mkdir(parents=True, exist_ok=True)
    pilot.write_text(whole)
    refused(pilot.with_suffix(".json"), lambda: freeze(workspace, "digits"), "make pilot")
    pilot.with_suffix(".json").write_text("{}")
    refused(pilot, lambda: freeze(workspace, "digits"), "make pilot")
    refused(tuning, lambda: adopt_tuning(workspace, "digits"), "make tune` writes it")
    refused(accuracy, lambda: read_results(workspace, params), "dvc repro -f features@digits` writes it")
    assert (workspace.params.read_bytes(), workspace.preregistration("digits").read_bytes()) == before


def test_scored_trials_that_are_no_database_are_to_be_removed(study):
    workspace, params = study
    path = workspace.trials("digits")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"garbage " * 200)
    with pytest.raises(UserError, match=f"^{path}: damaged: file is not a database; remove it: `make tune`"):
        Storage(workspace, "digits", params.tuning)
