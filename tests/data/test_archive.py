"""A zip from the network is not to be trusted: what is refused, by name, before anything is written."""

import io
import stat
import time
import zipfile

import pytest
from made_up_pictures import as_folder, as_zip, grey, pictures, refused

from ganspeed.data import archive


@pytest.mark.parametrize("content", [b"<html>404</html>", b"", b"PK\x03\x04 and so on"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "own.zip").write_bytes(content)
    refused(tmp_path, "own.zip", "own.zip: (an HTML page|an empty file|damaged or truncated), not a zip")


def test_a_truncated_zip_and_a_flipped_bit_inside_one_are_refused(tmp_path):
    whole = as_zip(tmp_path / "own.zip", pictures()).read_bytes()
    (tmp_path / "own.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, "own.zip", "own.zip: damaged or truncated, not a zip")
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        start = file.getinfo("cat/05.png").header_offset
    flipped = bytearray(whole)
    flipped[start + 30 + len("cat/05.png") + 20] ^= 0x10
    (tmp_path / "own.zip").write_bytes(flipped)
    refused(tmp_path, "own.zip", "own.zip/cat/05.png: damaged")


@pytest.mark.parametrize("name", ["../out.png", "/abs.png", "cat/../../out.png", "cat\\..\\out.png", "C:/out.png"])
def test_zip_names_that_leave_the_zip_are_refused(tmp_path, name):
    as_zip(tmp_path / "own.zip", pictures() | {name: grey(1)})
    refused(tmp_path, "own.zip", "own.zip: the name .*; allowed: names inside the archive")


def test_zip_links_passwords_and_repeated_names_are_refused(tmp_path):
    link, locked = zipfile.ZipInfo("cat/link.png"), zipfile.ZipInfo("cat/locked.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = as_zip(tmp_path / "own.zip", pictures())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    refused(tmp_path, "own.zip", "own.zip/cat/link.png: a link")
    path = as_zip(tmp_path / "own.zip", pictures())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(locked, grey(1))
        file.getinfo("cat/locked.png").flag_bits |= 1
    refused(tmp_path, "own.zip", "own.zip/cat/locked.png: needs a password")
    path = as_zip(tmp_path / "own.zip", pictures())
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("cat/00.png", grey(9))
    refused(tmp_path, "own.zip", "own.zip: cat/00.png is in it twice")


def test_contents_out_of_proportion_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    as_zip(tmp_path / "own.zip", pictures() | {"cat/bomb.png": bytes(1_000_000)})
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 999_999)
    refused(tmp_path, "own.zip", "own.zip/cat/bomb.png: 1000000 bytes unpacked; allowed: 999999")
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 2_000_000)
    monkeypatch.setattr(archive, "MAX_ZIP_BYTES", 900_000)
    refused(tmp_path, "own.zip", r"own.zip: 100\d{4} bytes unpacked; allowed: 900000")
    as_folder(tmp_path / "own", pictures())
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 10)
    refused(tmp_path, "own", "own/cat/00.png: more than 10 bytes")


def test_a_zip_is_read_by_the_names_of_the_unpacked_files(tmp_path):
    names = ["./", "./cat/", "./cat/00.png", "dog//00.png", "dog/./01.PNG", "bird/a:b.png", "bird/12\\30.png"]
    path = as_zip(tmp_path / "own.zip", {name: b"" if name.endswith("/") else grey(1) for name in names})
    with zipfile.ZipFile(path, "a") as file:
        windows = zipfile.ZipInfo("fox\\00.png")
        windows.create_system = archive.DOS
        file.writestr(windows, grey(2))
    as_folder(tmp_path / "own", {n.replace("./", "").replace("fox\\", "fox/"): grey(1) for n in names if n[-1] != "/"})
    as_folder(tmp_path / "own", {"fox/00.png": grey(2)})
    with archive.open_container(tmp_path / "own", "own") as folder, archive.open_container(path, "own.zip") as packed:
        assert packed.files == folder.files
        assert packed.files[-1] == "fox/00.png" and packed.read("fox/00.png") == grey(2)
        assert packed.folders == ["cat"]  # those that have an entry


def test_two_spellings_of_one_name_are_refused(tmp_path):
    as_zip(tmp_path / "own.zip", pictures() | {"./cat//00.png": grey(1)})
    refused(tmp_path, "own.zip", "own.zip: cat/00.png is in it twice")


def test_a_repeated_name_is_found_as_fast_as_the_zip_is_listed(tmp_path):
    path = tmp_path / "own.zip"
    with zipfile.ZipFile(path, "w") as file:
        for i in range(10_000):
            file.writestr(zipfile.ZipInfo(f"{i:05}.png"), b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("09999.png", b"")
    start = time.process_time()
    zipfile.ZipFile(path).close()
    listed = time.process_time()
    refused(tmp_path, "own.zip", "own.zip: 09999.png is in it twice")
    assert time.process_time() - listed < 6 * (listed - start)


@pytest.mark.parametrize("path", ["own", "own.zip"])
def test_litter_of_file_systems_is_passed_over_in_any_case(tmp_path, path):
    files = ("Thumbs.db", "THUMBS.DB", "ehthumbs.db", "Desktop.ini", ".DS_Store", "Icon\r")
    folders = ("@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information", "__macosx")
    litter = {f"{below}{name}": b"x" for below in ("", "cat/") for name in files}
    litter |= {f"{below}{name}/000.png": grey(200) for below in ("", "cat/") for name in folders}
    as_folder(tmp_path / "own", pictures() | litter)
    as_zip(tmp_path / "own.zip", pictures() | litter | {"@EADIR/": b"", "lost+found/": b""})
    (tmp_path / "own" / "@EADIR").mkdir()
    with archive.open_container(tmp_path / path, path) as container:
        assert container.files == sorted(pictures())
        assert set(container.folders) <= {"cat", "dog"}
