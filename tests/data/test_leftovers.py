"""What killed processes leave beside prepared data and downloads is removed; what living ones write is not."""

import os
import subprocess
import sys

import pytest
from made_up_pictures import as_folder, pictures, prepare

from ganspeed.data.leftovers import temporary_folder


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftovers_of_killed_prepares_are_removed_and_of_others_not(tmp_path, dead):
    as_folder(tmp_path / "own", pictures())
    beside = tmp_path / "prepared"
    gone = [f".own.{dead}.tmp", f".own.{os.getpid()}.tmp"]
    others = [f".own.{os.getppid()}.tmp", f".other.{dead}.tmp", ".own.x.tmp", "own2"]
    for name in (*gone, *others):
        as_folder(beside / name, {"train_images.npy": b"x"})
    prepare(tmp_path, "own")
    assert sorted(path.name for path in beside.iterdir()) == sorted([*others, "own"])


def test_what_was_moved_aside_stays_until_its_successor_is_there(tmp_path, dead):
    target, aside = tmp_path / "own", as_folder(tmp_path / f".own.{dead}.old", {"manifest.json": b"x"})
    with temporary_folder(target):
        assert aside.exists()
    target.mkdir()
    with temporary_folder(target):
        assert not aside.exists()


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(FileExistsError), temporary_folder(tmp_path / "own") as temporary:
        as_folder(temporary, {"half": b"x", "half/whole": b"x"})
    assert not list(tmp_path.iterdir())
