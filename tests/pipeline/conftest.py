"""Toy studies that several files start from: one that the real dvc has finished, and one that is not trained yet."""

import copy
import shutil

import pytest
import toy_study
from faults import UP_TO_TRAIN, run
from filelock import FileLock

from ganspeed.workspace import Workspace


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> toy_study.Study:
    """One toy study, reproduced once for all processes that test; tests work on copies of it."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    study = toy_study.Study(shared / "finished")
    with FileLock(shared / "finished.lock"):
        if not study.root.exists():
            new = toy_study.new_study(shared / "unfinished")
            first = new.repro()
            assert first.trained == first.scored == toy_study.ALL
            new.run("git", "add", ".")
            new.run("git", "commit", "-qm", "results")
            new.root.rename(study.root)
    return study


@pytest.fixture
def study(finished, tmp_path) -> toy_study.Study:
    shutil.copytree(finished.root, tmp_path / "study", symlinks=True)
    return toy_study.Study(tmp_path / "study")


@pytest.fixture(scope="session")
def prepared(shipped, tmp_path_factory) -> Workspace:
    """A toy study of `iterative` with everything but its runs; tests work on copies of it."""
    document = toy_study.toy(copy.deepcopy(shipped), ["iterative"])
    workspace = toy_study.write(document, tmp_path_factory.mktemp("prepared") / "study")
    ended = run(workspace, *UP_TO_TRAIN)
    assert ended.status == 0, ended.said
    return workspace
