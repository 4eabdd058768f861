"""What the system refuses is said in a sentence that names the file, status 2; mistakes of the code stay tracebacks."""

import errno
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ganspeed.system.exit_status import exit_status
from ganspeed.system.files import move


def write_too_long_a_name(folder: Path) -> Path:
    path = folder / ("a" * 300)
    path.write_text("content")
    return path


def read_a_folder(folder: Path) -> None:
    folder.read_text()


def look_below_a_file(folder: Path) -> None:
    (folder / "file").touch()
    (folder / "file" / "a").read_text()


def follow_a_circle(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "link")
    (folder / "link").read_text()


@pytest.mark.parametrize("refused", [write_too_long_a_name, read_a_folder, look_below_a_file, follow_a_circle])
def test_what_the_disk_refuses_is_named(refused, tmp_path, capsys):
    assert exit_status(lambda: refused(tmp_path), tmp_path / "study") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}") and "study" not in said and len(said.splitlines()) == 1


def test_the_disk_that_is_full_is_the_one_of_the_file_that_is_written(tmp_path, capsys):
    source, target = tmp_path / "source", tmp_path / "other" / "target"
    source.write_text("content")
    source.with_name("link").symlink_to(source)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # no file may grow, as where a quota is used up
    try:
        status = exit_status(lambda: move(source.with_name("link"), target), tmp_path / "study")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert status == 2 and f"error: {target.parent}/" in said and "not written: File too large; existing" in said
    assert source.read_text() == "content" and list(target.parent.iterdir()) == []


def test_where_no_file_is_known_all_that_may_be_full_is_named(tmp_path, capsys):
    def write() -> None:
        with open("/dev/full", "w") as file:
            file.write("content")

    assert exit_status(write, tmp_path) == 2
    places = f"{tmp_path}, of {tempfile.gettempdir()} or of the output"
    assert f"error: a disk (of {places}) is full: existing files" in capsys.readouterr().err


def test_a_mistake_of_the_code_is_raised(tmp_path):
    with pytest.raises(FileNotFoundError):
        exit_status(lambda: (tmp_path / "nothing").read_text(), tmp_path)
    with pytest.raises(OSError, match="Argument list too long"):
        exit_status(lambda: (_ for _ in ()).throw(OSError(errno.E2BIG, os.strerror(errno.E2BIG))), tmp_path)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "> /dev/full"])
def test_a_stage_ends_with_its_status_whatever_became_of_its_output(closed):
    code = "from ganspeed.system.shutdown import exit_now; print('said'); exit_now(3)"
    command = ["sh", "-c", f'"{sys.executable}" -c "{code}" {closed}']
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, capture_output=True, check=False, env=buffered)
    assert (done.returncode, done.stderr) == (3, b"")
