"""A study is told from others by an id that moves with its folder and is not copied."""

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


def test_a_damaged_id_is_made_anew(tmp_path):
    workspace = Workspace(tmp_path)
    for damaged in ("", "[]", "{}", "null"):
        workspace.identity.write_text(damaged)
        assert study_id(workspace) == study_id(workspace)
