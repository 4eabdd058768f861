"""Stores that are shared, copied, moved or in odd folders: each study finds its own runs, and touches nothing else."""

import shutil
from pathlib import Path

import mlflow
import pytest
from digests import digests
from mirrored import (
    PICTURE,
    PIXEL,
    current,
    make_params,
    rows_of,
    run_of,
    runs_of,
    spec,
    write_run,
    write_scores,
    write_study,
)

from ganspeed.study.tuning.storage import Storage
from ganspeed.tracking.address import sqlite_uri
from ganspeed.tracking.mirror import MirrorSummary, mirror
from ganspeed.workspace import Workspace

PICTURES = f"*/*/artifacts/{PICTURE}"


@pytest.fixture
def shared(tmp_path, monkeypatch, empty_database):
    """The folder of a database that no study owns, which MLFLOW_TRACKING_URI names."""
    folder = tmp_path / "shared"
    folder.mkdir()
    shutil.copy(empty_database, folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri(folder / "mlflow.db"))
    return Workspace(folder)


def clone(root: Path, params) -> Workspace:
    workspace = Workspace(root)
    workspace.root.mkdir()
    write_study(workspace, params)
    return workspace


def active(workspace: Workspace) -> list[str]:
    return [stage for (stage,) in runs_of(workspace, "lifecycle_stage")]


def test_two_studies_in_one_store_leave_each_other_alone(shared, tmp_path):
    """Other seeds, variants, data sets and scores of the one retire, rebuild and rename nothing of the other."""
    own, others = make_params(seeds=[0, 1]), make_params(seeds=[0], variants=["gan"], datasets=["digits"])
    first, second = clone(tmp_path / "first", own), clone(tmp_path / "second", others)
    write_scores(second, spec(others, "gan", 0), last=7.0)
    assert mirror(first, own).added == 4
    seen = current(shared)
    assert mirror(second, others).added == 1
    for _ in range(2):
        assert mirror(first, own) == MirrorSummary(unchanged=4)
        assert mirror(second, others) == MirrorSummary(unchanged=1)
    mirror(second, make_params(datasets=["more"]))
    assert current(shared) == seen and active(shared) == ["active"] * 5
    names = [name for (name,) in rows_of(shared, "select name from experiments where name != 'Default' order by 1")]
    assert [name.rsplit("-", 1)[0] for name in names] == ["ganspeed-digits", "ganspeed-digits", "ganspeed-more"]
    for study, runs in ((first, 4), (second, 1)):
        assert len(list((study.root / "mlartifacts" / "digits").glob(PICTURES.partition("/")[2]))) == runs


def test_the_database_of_a_study_may_have_a_guest(study, params, tmp_path, monkeypatch):
    guest = clone(tmp_path / "guest", make_params(seeds=[0]))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri(study.root / "mlflow.db"))
    assert mirror(guest, make_params(seeds=[0])).added == 2
    assert mirror(study, params).added == 4
    assert mirror(study, make_params(datasets=["more"])) == MirrorSummary()
    assert len(current(study)) == 2
    assert mirror(guest, make_params(seeds=[0])) == MirrorSummary(unchanged=2)


def test_runs_that_were_mirrored_before_studies_had_ids_are_kept(study, params):
    mirror(study, params)
    experiments = mlflow.MlflowClient(sqlite_uri(study.root / "mlflow.db"))
    experiment = run_of(study, "gan", 0).info.experiment_id
    for tag in ("ganspeed.study", "ganspeed.dataset"):
        experiments._tracking_client.store.delete_experiment_tag(experiment, tag)
    study.identity.unlink()
    assert mirror(study, params) == MirrorSummary(unchanged=4)
    assert rows_of(study, "select count(*) from experiments where name like 'ganspeed%'") == [(1,)]


def test_an_experiment_that_was_renamed_by_hand_is_found(study, params):
    mirror(study, params)
    experiment = run_of(study, "gan", 0).info.experiment_id
    mlflow.MlflowClient(sqlite_uri(study.root / "mlflow.db")).rename_experiment(experiment, "the best of all")
    assert mirror(study, params) == MirrorSummary(unchanged=4)


def picture_of(workspace: Workspace, variant: str, seed: int) -> Path:
    client = mlflow.MlflowClient(sqlite_uri(workspace.root / "mlflow.db"))
    return Path(client.download_artifacts(run_of(workspace, variant, seed).info.run_id, PICTURE))


@pytest.mark.parametrize("how", [shutil.copytree, shutil.move])
def test_pictures_lie_in_the_study_that_is_tracked(how, tmp_path, params, empty_database, monkeypatch):
    """Not in the one that its database was copied or moved from."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    original = clone(tmp_path / "original", params)
    shutil.copy(empty_database, original.root)
    mirror(original, params)
    before = digests(original.root)
    other = Workspace(tmp_path / "other")
    how(original.root, other.root)
    client = mlflow.MlflowClient(sqlite_uri(other.root / "mlflow.db"))
    client.delete_run(run_of(other, "gan", 0).info.run_id)
    write_run(other, spec(params, "gan", 1, version="2"))
    assert mirror(other, params) == MirrorSummary(added=2, unchanged=2)
    for variant, seed, version in (("gan", 0, "1"), ("gan", 1, "2"), ("wgan_gp", 0, "1")):
        picture = Path(run_of(other, variant, seed, version).info.artifact_uri.removeprefix("file://"))
        assert picture.is_relative_to(other.root)
        assert (picture / PICTURE).read_bytes() == PIXEL
    assert original.root.exists() == (how is shutil.copytree)
    if how is shutil.copytree:
        assert digests(original.root) == before
        assert mirror(original, params) == MirrorSummary(unchanged=4)


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b c", "a{x}ä+@"])
def test_a_study_in_an_odd_folder_writes_nothing_beside_it(name, tmp_path, params, empty_database, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = tmp_path / "place"
    place.mkdir()
    study = clone(place / name, params)
    shutil.copy(empty_database, study.root)
    assert mirror(study, params).added == 4
    assert picture_of(study, "gan", 0).read_bytes() == PIXEL
    assert len(list((study.root / "mlartifacts").glob(PICTURES))) == 4
    Storage(study, "digits", params.tuning)
    assert study.trials("digits").stat().st_size > 0
    assert [path.name for path in place.iterdir()] == [name]
