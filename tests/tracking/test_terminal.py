"""What a person sees while runs are trained and scored: lines in a log, bars on a terminal."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganspeed.tracking.terminal import terminal_observer

RUN = SimpleNamespace(dataset="digits", variant="gan", seed=3, fingerprint="f", train=SimpleNamespace(updates=40))
ROW = {"update": 20, "d_loss": -1.0, "g_loss": 2.0, "gap": 0.5}


def seen(total: int, terminal: bool) -> str:
    """What is shown of a run that is trained and scored, one of `total`; of 0, of one that is only scored."""
    text = io.StringIO()
    observer = terminal_observer(total, Console(file=text, force_terminal=terminal, width=120))
    if total:
        observer.started(RUN)
        observer.logged(RUN, ROW | {"update": 10})
        observer.logged(RUN, ROW)
        observer.finished(RUN)
    observer.scored(RUN)
    observer.close()
    return text.getvalue()


def test_a_log_has_a_line_for_what_happens_to_a_run():
    lines = seen(2, terminal=False).splitlines()
    assert lines[0] == "digits gan seed 3: started" and "20/40" in lines[1]
    assert lines[2:] == ["digits gan seed 3: finished (1 of 2)", "digits gan seed 3: scored"]


@pytest.mark.parametrize(("total", "runs", "scored"), [(2, "1/2", "1/2"), (0, None, "1/?")])
def test_a_terminal_has_a_bar_for_runs_and_one_for_scores(total, runs, scored):
    last = seen(total, terminal=True).rsplit("\x1b[2K", 1)[-1]
    bars = {line.split()[0]: line for line in last.splitlines() if line.startswith(("runs", "scored"))}
    assert ("runs" in bars) == (runs is not None) and (runs or "") in bars.get("runs", "")
    assert scored in bars["scored"]
