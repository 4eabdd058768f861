"""A study is told from others by an id that moves with its folder and is not copied."""

import json
import re
import shutil

from ganspeed.tracking.identity import study_id
from ganspeed.workspace import Workspace


def test_a_study_keeps_its_id_when_it_is_moved_and_moved_again(tmp_path):
    (tmp_path / "study").mkdir()
    own = study_id(Workspace(tmp_path / "study"))
    assert study_id(Workspace(tmp_path / "study")) == own
    for name in ("moved", "again"):
        (folder,) = tmp_path.iterdir()
        folder.rename(tmp_path / name)
        assert study_id(Workspace(tmp_path / name)) == own


def test_a_copy_is_another_study_and_the_original_is_not(tmp_path):
    (tmp_path / "study").mkdir()
    own = study_id(Workspace(tmp_path / "study"))
    shutil.copytree(tmp_path / "study", tmp_path / "copy")
    other = study_id(Workspace(tmp_path / "copy"))
    assert other != own and study_id(Workspace(tmp_path / "copy")) == other
    assert study_id(Workspace(tmp_path / "study")) == own


def test_a_folder_of_another_disk_with_the_same_number_is_another_study(tmp_path):
    """Numbers of folders are unique in one file system alone: the roots of two have the same one."""
    workspace = Workspace(tmp_path)
    own = study_id(workspace)
    written = json.loads(workspace.identity.read_text())
    moved = written | {"root": "/elsewhere"}
    workspace.identity.write_text(json.dumps(moved))
    assert study_id(workspace) == own
    workspace.identity.write_text(json.dumps(moved | {"device": written["device"] + 1}))
    assert study_id(workspace) != own
    del moved["device"]  # as former versions wrote it
    workspace.identity.write_text(json.dumps(moved))
    assert study_id(workspace) == own


def test_a_damaged_id_is_made_anew(tmp_path):
    workspace = Workspace(tmp_path)
    study_id(workspace)
    whole = json.loads(workspace.identity.read_text())
    for damaged in ("", "[]", "{}", "null", "1", *(json.dumps(whole | {"id": wrong}) for wrong in (None, [], 7, "x"))):
        workspace.identity.write_text(damaged)
        assert re.fullmatch("[0-9a-f]{8}", study_id(workspace)) and study_id(workspace) == study_id(workspace)
