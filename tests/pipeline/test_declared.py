"""What dvc.yaml declares for a stage is looked up by name: an edit of any of it is seen, of any stage."""

import copy
import shutil

import pytest
from toy_study import PROJECT

from declared import DVC_FILES, changed, declared

from ganspeed import source_files
from ganspeed.errors import UserError
from ganspeed.params.load import read_yaml

STAGES = {name: block for file in DVC_FILES for name, block in read_yaml(PROJECT / file)["stages"].items()}
ITEM = {"dataset": "digits", "variant": "gan"}
VALUES = {"${item.dataset}": "digits", "${item.variant}": "gan", "${pilot.variant}": "wgan_gp"}


def keys(stage: str) -> list[str]:
    """The declared keys of params.yaml."""
    found = STAGES[stage].get("params", [])
    for name, value in VALUES.items():
        found = [key.replace(name, value) for key in found]
    return found


@pytest.fixture
def study(document):
    """The document of a study whose pilot is of wgan_gp."""
    document["pilot"]["variant"] = VALUES["${pilot.variant}"]
    return document


@pytest.mark.parametrize(("stage", "key"), [(stage, key) for stage in STAGES for key in keys(stage)])
def test_an_edit_of_any_declared_param_is_seen_by_its_name(stage, key, study):
    edited = copy.deepcopy(study)
    *path, last = key.split(".")
    block = edited
    for part in path:
        block = block[part]
    block[last] = block[last] | {"edited": 1} if isinstance(block[last], dict) else "edited"
    before, after = (declared(PROJECT, stage, ITEM, it) for it in (study, edited))
    assert key in changed(before, after)
    del block[last]
    with pytest.raises(UserError, match=rf"^params\.yaml: {key}(\.variant)?: missing; dvc\.yaml declares it"):
        declared(PROJECT, stage, ITEM, edited)


def test_a_stage_without_params_declares_its_sources_alone(study):
    assert not keys("check") and "params.yaml" in declared(PROJECT, "check", {}, study)


@pytest.mark.parametrize("content", ["", "[]", "a", "stages:", "stages: []"])
def test_a_dvc_yaml_without_stages_is_named(content, study, tmp_path):
    (tmp_path / "dvc.yaml").write_text(content)
    with pytest.raises(UserError, match=rf"^{tmp_path}/dvc\.yaml: no mapping with the key stages"):
        declared(tmp_path, "train", ITEM, study)


def test_keys_of_any_kind_are_compared_in_any_order(study):
    study["variants"] |= {5: {"a": 1, "b": [1]}, None: 2}
    other = study | {"variants": dict(reversed(study["variants"].items())) | {5: {"b": [1], "a": 1}}}
    before, after = (declared(PROJECT, "tune", ITEM, it) for it in (study, other))
    assert changed(before, after) == []
    other["variants"][5] = {"a": True, "b": [1]}
    assert changed(before, declared(PROJECT, "tune", ITEM, other)) == ["variants"]


def test_what_editors_leave_among_sources_is_no_source(study, tmp_path):
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / "src/ganspeed/data/__pycache__").mkdir(parents=True)
    names = [".gan.py.swp", "gan.py~", ".DS_Store", "__pycache__/gan.cpython-311.pyc"]
    for name in (*names, "gan.py"):
        (tmp_path / "src/ganspeed/data" / name).touch()
    before = declared(tmp_path, "prepare", ITEM, study)
    assert [name for name in before if name.startswith("src/")] == ["src/ganspeed/data/gan.py"]
    assert set(source_files.LITTER) <= set((tmp_path / ".dvcignore").read_text().splitlines())


def test_what_editors_leave_in_the_package_is_no_file_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(source_files, "PACKAGE", tmp_path)
    for name in ("gan.py", ".gan.py.swp", "gan.py~", ".DS_Store"):
        (tmp_path / name).touch()
    assert source_files.package_files() == ["gan.py"]


def test_a_choice_of_classes_trains_no_classifier_again():
    declaring = {stage for stage in STAGES if any(key.endswith(".data") for key in keys(stage))}
    assert declaring == {"prepare", "calibrate", "train", "pilot", "tune"}
