"""Files are whole or not there, and on the disk before they count."""

import os
from pathlib import Path

import pytest

from ganspeed.errors import UserError
from ganspeed.system.files import write_atomically, write_text


def test_the_content_is_flushed_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    steps, fsync, replace = [], os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append("folder" if path == tmp_path else path.read_text())
        fsync(descriptor)

    def noting_replace(source: Path, target: Path) -> None:
        steps.append("named")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    write_text(tmp_path / "a.txt", "content")
    assert steps == ["content", "named", "folder"]


def test_what_cannot_be_written_is_named_and_leaves_the_former_file_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("former")

    def half(temporary: Path) -> None:
        temporary.write_text("ha")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"a\.txt: not written: No space left on device; existing files are unchanged"):
        write_atomically(path, half)
    assert path.read_text() == "former" and list(tmp_path.iterdir()) == [path]
