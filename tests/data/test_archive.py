"""A zip from the network is not to be trusted: what is refused, by name, before anything is written."""

import io
import stat
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
