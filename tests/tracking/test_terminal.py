"""What a person sees while runs are trained and scored: lines in a log, bars on a terminal."""

import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganspeed.tracking.terminal import Study, StudyProgress, terminal_observer

ROW = {"update": 20, "d_loss": -1.0, "g_loss": 2.0, "gap": 0.5}


def run(variant: str, seed: int):
    train = SimpleNamespace(updates=40)
    return SimpleNamespace(dataset="digits", variant=variant, seed=seed, fingerprint=f"{variant}{seed}", train=train)


GRID = [run(variant, seed) for variant in ("wgan", "gan") for seed in (2, 3)]


def seen(study: Study, terminal: bool, trained: bool = True) -> str:
    """What is shown of the last run of GRID, which is trained and scored, or scored alone."""
    text = io.StringIO()
    observer = terminal_observer(study, Console(file=text, force_terminal=terminal, width=140))
    if trained:
        observer.started(GRID[-1])
        observer.logged(GRID[-1], {"update": 0, "probe/auc": 0.5})  # it has no losses, and starts no clock
        observer.logged(GRID[-1], ROW | {"update": 10})
        observer.logged(GRID[-1], ROW)
        observer.finished(GRID[-1])
    observer.scored(GRID[-1])
    observer.close()
    return text.getvalue()


def test_a_log_has_a_line_for_what_happens_to_a_run():
    lines = seen(Study.of(GRID, GRID[:2]), terminal=False).splitlines()
    assert lines[0] == "digits gan seed 3: started" and "20/40" in lines[1]
    assert lines[2] == "digits gan seed 3: finished (run 3 of 4; variant 2 of 2, less than a minute left in all)"
    assert lines[3:] == ["digits gan seed 3: scored (1)"]


@pytest.mark.parametrize(("trained", "runs", "scored"), [(True, "3/4", "1/4"), (False, None, "1/4")])
def test_a_terminal_has_a_bar_for_the_study_and_one_for_scores(trained, runs, scored):
    finished = GRID[:2] if trained else GRID
    last = seen(Study.of(GRID, finished), terminal=True, trained=trained).rsplit("\x1b[2K", 1)[-1]
    bars = {line.split()[0]: line for line in last.splitlines() if line.startswith(("runs", "scored"))}
    assert ("runs" in bars) == (runs is not None) and (runs or "") in bars.get("runs", "")
    assert not trained or "variant 2 of 2, less than a minute left in all" in bars["runs"]
    assert scored in bars["scored"]


def test_what_is_left_follows_the_pace_of_all_runs_together(monkeypatch):
    """Of 4 runs of 40 updates 2 are finished: 80 updates are left, 20 of which a resumed run had done before."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = StudyProgress(Study.of(GRID, GRID[:2]))
    progress.add(GRID[2], 20)
    assert progress.text(GRID[2]) == "variant 2 of 2"
    now[0] += 600
    progress.add(GRID[2], 30)
    progress.add(GRID[3], 10)
    assert progress.text(GRID[2]) == "variant 2 of 2, 40 min left in all"  # 40 updates, at 10 in 10 minutes
    progress.add(GRID[3], 40)
    progress.add(GRID[2], 40)
    assert progress.text(GRID[2]) == "variant 2 of 2, less than a minute left in all"
