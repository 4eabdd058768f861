"""An observer may never break what it observes."""

import io
import os
import sys

import pytest

from ganspeed.runs.observers import dispatch
from ganspeed.tracking.terminal import ProgressBars, ProgressLines, Study, terminal_observer


class Recorder:
    def __init__(self):
        self.events = []

    def scored(self, spec):
        self.events.append(spec)

    def close(self):
        self.events.append("closed")


class Broken(Recorder):
    def scored(self, spec):
        super().scored(spec)
        raise OSError("the pipe is closed")


class BrokenAtTheEnd(Recorder):
    def close(self):
        raise RuntimeError("no more")


def test_an_observer_that_fails_is_dropped_and_the_others_see_all(capsys):
    broken, end, whole = Broken(), BrokenAtTheEnd(), Recorder()
    with dispatch([broken, end, whole]) as on_message:
        on_message(("scored", 1))
        on_message(("scored", 2))
    assert whole.events == [1, 2, "closed"]
    assert broken.events == [1, "closed"]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: Broken stopped: ") and "the pipe is closed" in first
    assert second.startswith("warning: BrokenAtTheEnd stopped: ")


def test_an_error_of_the_training_itself_is_raised():
    whole = Recorder()
    with pytest.raises(ZeroDivisionError), dispatch([whole]):
        1 / 0  # noqa: B018
    assert whole.events == ["closed"]


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_that_nobody_reads_ends_no_training(terminal, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    stream = io.TextIOWrapper(os.fdopen(writer, "wb", buffering=0), write_through=True)
    monkeypatch.setattr("sys.stderr", stream)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    observer = terminal_observer(Study.of([]))
    assert isinstance(observer, ProgressBars if terminal else ProgressLines)
    whole = Recorder()
    with dispatch([observer, whole]) as on_message:
        on_message(("scored", 1))
    assert whole.events == [1, "closed"]
    assert sys.stderr is stream
