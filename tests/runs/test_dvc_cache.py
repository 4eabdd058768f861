"""Runs are looked for in DVC's cache where there is one; a machine that only trains may have no DVC."""

import sys
from types import SimpleNamespace

import pytest

from ganspeed.runs.dvc_cache import restore_from_dvc
from ganspeed.workspace import Workspace

LOCK = """\
stages:
  train@digits-gan:
    cmd: python pipeline/train.py digits gan
    outs:
    - path: artifacts/runs/digits/gan
      md5: 0123456789abcdef0123456789abcdef.dir
"""


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """Of a clone: DVC's folder, and a dvc.lock that names the runs of a cell."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    (tmp_path / "dvc.lock").write_text(LOCK)
    return Workspace(tmp_path)


@pytest.mark.parametrize("missing", [("dvc", "dvc.exceptions", "dvc.repo"), ()])
def test_without_dvc_or_its_cache_there_is_nothing_to_restore(missing, workspace, monkeypatch):
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)  # its import raises ImportError
    restore_from_dvc(workspace, [SimpleNamespace(dataset="digits", variant="gan", seed=0, fingerprint="f")])
    assert not workspace.run_cache.exists()
