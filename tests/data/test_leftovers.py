"""What killed processes leave beside prepared data and downloads is removed; what living ones write is not."""

import os
import subprocess
import sys

import pytest
from made_up_pictures import as_folder, pictures, prepare


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
