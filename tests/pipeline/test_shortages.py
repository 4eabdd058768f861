"""A disk that is full and memory that is short, in real processes: words, nothing lost, and the same bytes after it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import Trigger, allocate_too_much, fill, results, run
from toy_study import toy, write

from ganspeed.system.files import read_json

pytestmark = pytest.mark.slow

WRITES = [  # stage, the function that writes, the file that it writes when the disk is full
    ("check", "write_atomically", "check.txt"),
    ("prepare", "write_splits", "*"),
    ("features", "save", "*"),
    ("calibrate", "write_atomically", "digits.csv"),
    ("train", "write_atomically", "provenance.json"),
    ("train", "write_atomically", "snapshots/0000000.safetensors"),
    ("train", "write_atomically", "samples/12.png"),
    ("train", "write_atomically", "checkpoints/0000006.pt"),
    ("train", "write_atomically", "samples.gif"),
    ("train", "write_atomically", "history.csv"),
    ("train", "write_atomically", "run.json"),
    ("evaluate", "write_atomically", "seed-1.csv"),
    ("evaluate", "write_atomically", "seed-1.json"),
    ("timing", "write_atomically", "digits.json"),
    ("compare", "write_atomically", "digits.json"),
    ("report", "write_atomically", "summary.md"),
]
STAGES = list(dict.fromkeys(stage for stage, _, _ in WRITES))


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of its own of 32 MiB, where this user may mount one; else a folder."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield disk
    if mounted:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_full_at_any_write_damages_nothing_and_is_resumed_from(document, small_disk, tmp_path):
    untroubled = write(toy(document, ["iterative"]), tmp_path / "untroubled")
    ended = run(untroubled, *STAGES)
    assert ended.status == 0, ended.said
    workspace = write(toy(document, ["iterative"]), small_disk / "study")
    for number, (stage, function, file) in enumerate(WRITES):
        before = results(workspace)
        ended = run(workspace, stage, trigger=Trigger((function,), 0, fill, path=file))
        print(f"{stage} {file}: {ended.said}")
        assert ended.status == 2 and "Traceback" not in ended.said
        assert ("No space left" in ended.said or "File too large" in ended.said) and str(workspace.root) in ended.said
        assert function != "write_atomically" or re.search(rf"error: {workspace.root}/.*: not written: ", ended.said)
        assert before.items() <= results(workspace).items()
        (small_disk / "filler").unlink(missing_ok=True)
        if stage not in [later for later, _, _ in WRITES[number + 1 :]]:
            ended = run(workspace, stage)
            assert ended.status == 0, ended.said
    assert results(workspace) == results(untroubled)


def test_out_of_memory_ends_without_result_and_the_batch_keeps_its_size(document, tmp_path):
    workspace = write(toy(document, ["iterative"], [0], batch_size=800), tmp_path / "study")
    assert run(workspace, "prepare").status == 0
    in_the_penalty = Trigger(("one_update",), 7, allocate_too_much, only=("ganspeed.objectives.gradient_norm",))
    short = run(workspace, "train", trigger=in_the_penalty)
    assert short.status == 2 and "error: out of memory" in short.said and "Traceback" not in short.said
    assert f"tried to allocate {2**60} bytes" in short.said
    assert not workspace.artifacts.exists() and not list(workspace.run_cache.rglob("run.json"))
    assert run(workspace, "train").status == 0
    record = read_json(workspace.run("digits", "iterative", 0) / "run.json")
    assert record["status"] == "completed" and record["parameters"]["train"]["batch_size"] == 800
