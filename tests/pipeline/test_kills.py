"""SIGKILL at random moments of real training and scoring processes: what is finished after it has the same bytes."""

import copy
import random
import shutil
import signal
from pathlib import Path

import pytest
from digests import digests
from faults import DISK, SCORED, Trigger, end_at_once, results, run
from faults import copy as copy_of
from toy_study import toy, write

from ganspeed.workspace import Workspace

pytestmark = pytest.mark.slow
DRAWS = 5
PHASES = {
    "in the critic loop": Trigger(("one_update",)),
    "while saving": Trigger(("Checkpoints.save", "SnapshotWriter.write"), only=DISK),
    "between runs": Trigger(("seal", "RunStore.collect", "RunStore.stash_others"), only=DISK),
    "while evaluating": Trigger(("evaluate",), only=DISK),
}


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory) -> tuple[dict[str, str], dict[str, int]]:
    """The bytes of every result, and how many calls each phase makes."""
    calls = {}
    for phase, trigger in PHASES.items():
        workspace = copy_of(prepared, tmp_path_factory.mktemp("undisturbed") / "study")
        calls[phase] = finish(workspace, *SCORED, trigger=trigger)
    return results(workspace), calls


def finish(workspace: Workspace, *stages: str, trigger: Trigger | None = None) -> int:
    """Run the stages to their end; returns the calls counted, in every function that the trigger names."""
    ended = run(workspace, *stages, trigger=trigger)
    assert ended.status == 0, ended.said
    assert not ended.never_called and (trigger is None or ended.calls > 0)
    return ended.calls


def kill(workspace: Workspace, *stages: str, trigger: Trigger, at: int) -> None:
    """Run the stages and kill their process at this call."""
    deadly = copy.copy(trigger)
    deadly.number, deadly.fault = at, end_at_once
    ended = run(workspace, *stages, trigger=deadly)
    assert ended.status == -signal.SIGKILL, ended.said


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("draw", range(DRAWS))
def test_a_kill_at_any_moment_leaves_the_result_as_it_would_have_been(phase, draw, prepared, undisturbed, tmp_path):
    whole, calls = undisturbed
    at = random.Random(phase).sample(range(calls[phase]), DRAWS)[draw]
    print(f"killed {phase}, at call {at} of {calls[phase]}")
    workspace = copy_of(prepared, tmp_path / "study")
    kill(workspace, *SCORED, trigger=PHASES[phase], at=at)
    finish(workspace, *SCORED)
    assert results(workspace) == whole
    assert [path.name for path in workspace.run_cache.iterdir()] == ["lock"]


@pytest.mark.parametrize("across", [False, True])
def test_a_kill_at_any_step_of_an_exchange_of_runs_loses_none_of_them(across, prepared, document, tmp_path, other_disk):
    """A reverted edit moves the run of the edit to the run cache and the former one back, provenance with them.

    across: the run cache is a link to another file system.
    """

    def copy_with_cache(study: Workspace, root: Path) -> Workspace:
        workspace = copy_of(study, root)
        if across:
            shutil.move(workspace.run_cache, other_disk / root.name)
            workspace.run_cache.symlink_to(other_disk / root.name)
        return workspace

    study = copy_of(prepared, tmp_path / "study")
    for beta in (0.9, 0.5):
        toy(document, ["iterative"], [0])
        document["variants"]["iterative"]["beta"] = beta
        finish(write(document, study.root), "train")
    document["variants"]["iterative"]["beta"] = 0.9
    write(document, study.root)
    exchange = Trigger(("train_cell",), only=("posix.replace", "shutil.rmtree"))
    calls = finish(done := copy_with_cache(study, tmp_path / "done"), "train", trigger=exchange)
    whole = {**digests(done.artifacts), **digests(done.run_cache)}
    stashed, collected = done.run_cache.glob("*/provenance.json"), done.artifacts.glob("provenance/*/*/*")
    assert len(list(stashed)) == len(list(collected)) == 1
    for at in range(calls):
        workspace = copy_with_cache(study, tmp_path / f"killed at {at}")
        kill(workspace, "train", trigger=exchange, at=at)
        finish(workspace, "train")
        print(f"killed at {at} of {calls}")
        assert {**digests(workspace.artifacts), **digests(workspace.run_cache)} == whole
