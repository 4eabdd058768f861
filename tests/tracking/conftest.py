"""A study to be mirrored, beside a database of MLflow that holds nothing yet."""

import shutil

import pytest
from mirrored import make_params, write_study

from ganspeed.tracking import live as live_module
from ganspeed.tracking.client import Client
from ganspeed.workspace import Workspace


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: that takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        workspace = Workspace(tmp_path_factory.mktemp("empty"))
        Client(workspace)
    return workspace.root / "mlflow.db"


@pytest.fixture
def workspace(tmp_path, monkeypatch, empty_database):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(live_module, "FLUSH_INTERVAL", 0.2)
    shutil.copy(empty_database, tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def params():
    return make_params()


@pytest.fixture
def study(workspace, params):
    """A workspace with a finished study of 2 variants × 2 seeds."""
    write_study(workspace, params)
    return workspace
