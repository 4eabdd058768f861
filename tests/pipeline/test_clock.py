"""Durations come from a clock that only goes forward: one that is set while a run goes on changes none of them."""

import time

import pytest
from faults import Trigger, jump, run
from toy_study import toy, write

from ganspeed.system.files import read_json

pytestmark = pytest.mark.slow


def test_a_clock_that_is_set_changes_no_duration(document, tmp_path):
    document["protocol"]["timing"] = {"repeats": 2, "updates": 2}
    workspace = write(toy(document, ["iterative"]), tmp_path / "study")
    assert run(workspace, "prepare").status == 0
    start = time.monotonic()
    ended = run(workspace, "train", "timing", trigger=Trigger(("run_stage",), 0, jump))
    spent = time.monotonic() - start
    assert ended.status == 0 and not ended.never_called, ended.said
    seconds = [entry["seconds"] for entry in read_json(workspace.provenance("digits", "iterative", 0))["clock"]]
    assert seconds == sorted(seconds) and 0 < seconds[-1] < spent
    (per_update,) = read_json(workspace.timing("digits"))["seconds_per_update"].values()
    assert 0 < per_update < spent
    assert "-" not in "".join(line.split("  ")[1] for line in ended.said.splitlines() if "/s  " in line)
