"""MLflow's database: made whole or not at all, and every error of it told at once."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
from mirrored import points, spec

from ganspeed.tracking import timeouts
from ganspeed.tracking.client import TrackingError
from ganspeed.tracking.database import create_database
from ganspeed.tracking.live import LiveMirror
from ganspeed.tracking.mirror import mirror, mirror_safely
from ganspeed.workspace import Workspace


def test_a_fresh_database_is_filled_again(study, params, tmp_path):
    """As in a clone whose files came out of DVC's cache. Its tables take longer to make than a stage waits without
    progress; each statement is some."""
    mirror(study, params)
    clone, signs = Workspace(tmp_path / "clone"), []
    shutil.copytree(study.artifacts, clone.artifacts)
    (clone.root / ".mlflow.db.1.tmp").write_bytes(b"of a process that was killed")
    create_database(clone, lambda: signs.append("statement"))
    assert len(signs) > 100 and sorted(path.name for path in clone.root.iterdir()) == [
        ".runs",
        "artifacts",
        "mlflow.db",
    ]
    assert mirror(clone, params).added == 4
    assert sorted(row[1:] for row in points(clone)) == sorted(row[1:] for row in points(study))


def test_a_database_whose_creation_is_killed_does_not_exist(tmp_path, monkeypatch):
    """One that is killed while it makes the tables must not leave some of them behind."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def killed(uri):
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"some of the tables")
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow, "MlflowClient", killed)
    with pytest.raises(KeyboardInterrupt):
        create_database(Workspace(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".runs"]


@pytest.mark.slow
def test_what_opens_a_database_is_imported_before_it_is_opened(workspace):
    """And not while a stage waits for an answer: on a machine that has not read it yet it takes longer than that."""
    code = (
        "import pathlib, sys; from ganspeed.tracking import address, importing; "
        "from ganspeed.workspace import Workspace; "
        f"importing.import_backend(address.tracking_uri(Workspace(pathlib.Path({str(workspace.root)!r})))); "
        "sys.exit('mlflow.store.tracking.sqlalchemy_store' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def too_long(folder: Path) -> Path:
    """A folder below this one whose database has a longer path than SQLite opens."""
    deep = folder.joinpath(*["x" * 100] * 6)
    deep.mkdir(parents=True)
    return deep


def test_a_database_that_cannot_be_made_costs_a_moment_and_one_line(tmp_path, params, monkeypatch, capfd):
    """MLflow would try to open it for two minutes."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    workspace = Workspace(too_long(tmp_path))
    begin = time.monotonic()
    live = LiveMirror(workspace, params)
    live.started(spec(params, "gan", 0))
    live.close()
    mirror_safely(workspace, params)
    assert time.monotonic() - begin < timeouts.STAGE_TIMEOUT + 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: MLflow at sqlite:///") and "unable to open database file" in line
    assert [path.name for path in workspace.root.iterdir()] == [".runs"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("mssql+nodriver://u:p4ss@h/x", "nodriver"),
        ("mysql+mysqldb://u:p4ss@h/x", "MySQLdb"),
        ("http://[::1", "IPv6"),
        ("sqlite:///{noise}", "file is not a database"),
        ("sqlite:///{long}", "unable to open database file"),
        ("nonsense://x", "nonsense"),
    ],
)
def test_every_error_of_a_store_is_one_sentence(address, reason, study, params, tmp_path, monkeypatch):
    (tmp_path / "noise").write_bytes(b"noise" * 1000)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(noise=tmp_path / "noise", long=too_long(tmp_path) / "x"))
    with pytest.raises(TrackingError, match=rf"\AMLflow at [^\n]*{reason}[^\n]*\Z") as caught:
        mirror(study, params, timeout=3)
    assert "p4ss" not in str(caught.value)
