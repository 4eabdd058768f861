"""Files are whole or not there, and on the disk before they count."""

import errno
import os
import signal
import stat
import sys
from pathlib import Path

import pytest
from digests import digests

from ganspeed.errors import UserError
from ganspeed.system.files import move, read_json, remove_unfinished, temporary_folder, write_atomically, write_text


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


def refuse_to_flush(monkeypatch, number: int, of_files: bool) -> None:
    """Let the drive answer with this error when it is to flush folders, or files as well."""
    fsync = os.fsync

    def refusing(descriptor: int) -> None:
        if of_files or stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
@pytest.mark.parametrize("of_files", [False, True])
def test_on_a_drive_that_cannot_flush_everything_else_works(number, of_files, tmp_path, monkeypatch):
    refuse_to_flush(monkeypatch, number, of_files)
    write_text(tmp_path / "a.txt", "content")
    assert (tmp_path / "a.txt").read_text() == "content"


def test_a_folder_that_cannot_be_flushed_by_a_fault_is_told_as_it_is(tmp_path, monkeypatch):
    refuse_to_flush(monkeypatch, errno.EIO, of_files=False)
    with pytest.raises(UserError, match=r"a\.txt: written, but a power cut may undo it: its folder was not flushed"):
        write_text(tmp_path / "a.txt", "content")
    assert (tmp_path / "a.txt").read_text() == "content"


def test_a_file_below_what_is_no_folder_is_refused_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/a\.txt: not written: "):
        write_text(tmp_path / "file" / "a.txt", "content")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_file_that_holds_no_json_is_named(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json: damaged: "):
        read_json(tmp_path / "a.json")


def a_folder(path: Path, content: str) -> Path:
    (path / "inner").mkdir(parents=True)
    for name in ("a", "b", "inner/c"):
        (path / name).write_text(f"{content} {name}")
    return path


@pytest.mark.parametrize("replaced", [False, True])
def test_files_and_folders_move_to_another_file_system(replaced, tmp_path, other_disk):
    folder, file, target = a_folder(tmp_path / "new", "new"), tmp_path / "file", other_disk / "deep"
    file.write_text("new")
    whole = digests(folder)
    if replaced:
        a_folder(target / "folder", "former")
        (target / "file").write_text("former")
    move(folder, target / "folder")
    move(file, target / "file")
    assert digests(target / "folder") == whole and (target / "file").read_text() == "new"
    assert {path.name for path in target.iterdir()} == {"folder", "file"} and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("across", [False, True])
def test_links_move_as_the_files_that_they_point_to(across, tmp_path, other_disk):
    """As DVC puts links into its cache in place of results, and empties its cache of what a study does not name."""
    cache, folder = a_folder(tmp_path / "cache", "one"), tmp_path / "linked"
    (folder / "inner").mkdir(parents=True)
    for name in ("a", "b", "inner/c"):
        (folder / name).symlink_to(cache / name)
    target = (other_disk if across else tmp_path) / "target"
    move(folder, target)
    assert digests(target) == digests(cache) and not any(path.is_symlink() for path in target.rglob("*"))
    assert not folder.exists()
    (folder.with_name("link")).symlink_to(cache / "a")
    move(folder.with_name("link"), target / "a")
    assert (target / "a").read_text() == (cache / "a").read_text() and not (target / "a").is_symlink()


def calls_of_the_system(source: Path, target: Path, deadly: int | None = None) -> int:
    """Move in a process that is killed at this call of the system; returns how many calls it made."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        count = 0

        def watch(frame, event: str, argument) -> None:
            nonlocal count
            if event == "c_call" and getattr(argument, "__module__", "") == "posix":
                if count == deadly:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1

        sys.setprofile(watch)
        move(source, target)
        sys.setprofile(None)
        os.write(writing, str(count).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as counted:
        return int(counted.read() or 0)


@pytest.mark.parametrize("across", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_kill_at_any_step_of_a_move_leaves_one_of_the_two_whole(across, tmp_path, other_disk):
    disk = other_disk if across else tmp_path / "disk"
    whole = digests(a_folder(tmp_path / "source", "one"))
    calls = calls_of_the_system(tmp_path / "source", disk / "done")
    assert calls > (40 if across else 1) and digests(disk / "done") == whole
    for at in range(calls):
        source, target = tmp_path / str(at), disk / str(at)
        a_folder(source, "one")
        calls_of_the_system(source, target, deadly=at)
        assert whole in (digests(source), digests(target)), at
        if source.exists() and digests(source) == whole:
            move(source, target)
        remove_unfinished(disk)
        assert digests(target) == whole and not list(disk.glob(".*")), at


def test_a_temporary_folder_is_gone_unless_it_was_moved(tmp_path):
    def fail() -> None:
        with temporary_folder(tmp_path / "a") as folder:
            (folder / "half").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with temporary_folder(tmp_path / "a") as folder:
        (folder / "whole").touch()
        move(folder, tmp_path / "a")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "whole"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    dead = 2**22 + 1  # beyond the largest number of a process
    for name in (f".a.csv.{dead}.tmp", f".b.{os.getpid()}.tmp", ".c.tmp", f"d.{dead}.tmp", ".git"):
        (tmp_path / name).touch()
    a_folder(tmp_path / f".run.{dead}.old", "former")
    a_folder(tmp_path / "deep" / f".run.{dead}.tmp", "half")
    remove_unfinished(tmp_path, spare_running=True)
    left = {".c.tmp", f"d.{dead}.tmp", ".git", "deep"}
    assert {path.name for path in tmp_path.rglob("*")} == left | {f".b.{os.getpid()}.tmp"}
    remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == left
