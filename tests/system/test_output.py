"""Printing goes on where nobody reads it any more."""

import os
import sys

import pytest

from ganspeed.system.output import drop_what_cannot_be_written


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


def full_disk():
    return open("/dev/full", "w")


def closed_terminal():
    terminal, end = os.openpty()
    os.close(terminal)
    return open(end, "w")


def closed_file():
    with open(os.devnull, "w") as file:
        return file


@pytest.mark.parametrize("make", [broken_pipe, full_disk, closed_terminal, closed_file])
def test_what_cannot_be_printed_is_dropped(make, monkeypatch):
    stream = make()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises((OSError, ValueError)):
        print("progress", file=sys.stderr, flush=True)
    drop_what_cannot_be_written("stderr")
    print("progress", file=sys.stderr, flush=True)
    if not stream.closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is still buffered has to go somewhere


def test_what_can_be_printed_is(monkeypatch, tmp_path):
    with (tmp_path / "log").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        drop_what_cannot_be_written("stdout")
        print("progress", flush=True)
        assert sys.stdout.fileno() == file.fileno() and not sys.stdout.isatty()
    assert (tmp_path / "log").read_text() == "progress\n"


def test_no_stream_at_all_is_none(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    drop_what_cannot_be_written("stdout")
    assert sys.stdout is None
