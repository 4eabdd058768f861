"""Folders and zips of files, read by name and never unpacked to the disk."""

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ganspeed.data.checksums import damaged
from ganspeed.data.pictures import DataError
from ganspeed.system.files import sha256_file

MAX_FILE_BYTES = 2**28  # of one file, unpacked
MAX_ZIP_BYTES = 2**36  # of all files in a zip, unpacked


class Folder:
    """The files below a folder, without hidden ones. Links to folders are refused: they may form a cycle."""

    def __init__(self, path: Path, label: str):
        self.path, self.label = path, label
        self.files, self.folders = [], []
        for root, folders, files in os.walk(path, onerror=self._unreadable):
            folders[:] = [f for f in folders if _visible(f)]
            below = PurePosixPath(Path(root).relative_to(path))
            for name in folders:
                if Path(root, name).is_symlink():
                    raise DataError(f"{label}/{below / name}: a link to a folder; allowed: folders and files")
            self.folders += [str(below / name) for name in folders]
            self.files += [str(below / name) for name in files if _visible(name)]
        self.files.sort()
        self.folders.sort()

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises DataError."""
        path = self.path / name
        try:
            if not path.is_file():
                raise DataError(f"{self.label}/{name}: not a file")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise DataError(f"{self.label}/{name}: more than {MAX_FILE_BYTES} bytes")
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{self.label}/{name}: {error.strerror}") from None

    def sha256(self, names: list[str]) -> str:
        """SHA-256 of the lines `<sha256 of the contents>  <name>`, sorted by name, as sha256sum prints them."""
        total = hashlib.sha256()
        for name in sorted(names):
            total.update(f"{hashlib.sha256(self.read(name)).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def _unreadable(self, error: OSError) -> None:
        raise DataError(f"{self.label}: {error.filename}: {error.strerror}")


class Zip:
    """The files in a zip. Names that lead out of it, links, passwords and oversized contents are refused."""

    def __init__(self, path: Path, label: str, file: zipfile.ZipFile):
        self.path, self.label, self.file = path, label, file
        entries = file.infolist()
        for entry in entries:
            self._check(entry)
        if (total := sum(entry.file_size for entry in entries)) > MAX_ZIP_BYTES:
            raise DataError(f"{label}: {total} bytes unpacked; allowed: {MAX_ZIP_BYTES}")
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{label}: {twice} is in it twice")
        visible = [name for name in sorted(names) if all(_visible(part) for part in PurePosixPath(name).parts)]
        self.files = [name for name in visible if not name.endswith("/")]
        self.folders = [name.rstrip("/") for name in visible if name.endswith("/")]

    def read(self, name: str) -> bytes:
        """A file's bytes, checked against the zip's checksum. Raises DataError."""
        try:
            return self.file.read(name)
        except Exception as error:  # noqa: BLE001 damaged streams raise almost any error
            raise DataError(f"{self.label}/{name}: damaged: {error}") from None

    def sha256(self, names: list[str]) -> str:
        """SHA-256 of the zip's bytes, whatever the names."""
        return sha256_file(self.path)

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        path = f"{self.label}/{name}"
        refuse_outside(self.label, name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{path}: a link; allowed: folders and files")
        if entry.flag_bits & 1:
            raise DataError(f"{path}: needs a password; allowed: none")
        if entry.file_size > MAX_FILE_BYTES:
            raise DataError(f"{path}: {entry.file_size} bytes unpacked; allowed: {MAX_FILE_BYTES}")


Container = Folder | Zip  # label: its name in messages; files, folders: sorted names inside, separated by /


@contextmanager
def open_container(path: Path, label: str) -> Iterator[Container]:
    """The folder or zip at `path`. Raises DataError naming `label` when it is neither, or is unsafe."""
    if path.is_dir():
        yield Folder(path, label)
    elif path.is_file():
        with _open_zip(path, label) as file:
            yield Zip(path, label, file)
    else:
        raise DataError(f"{label}: no such folder or zip in {path.parent} (GANSPEED_DATA names the data's folder)")


def refuse_outside(label: str, name: str) -> None:
    """Raise DataError for the name of a member that leads out of its archive."""
    if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
        raise DataError(f"{label}: the name {name!r}; allowed: names inside the archive, with /")


def _open_zip(path: Path, label: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        with path.open("rb") as file:
            raise damaged(label, file.read(1024), "a zip") from None


def _visible(name: str) -> bool:
    """Whether this is no hidden file and none that an operating system adds to folders of pictures."""
    return not name.startswith(".") and name not in ("__MACOSX", "Thumbs.db", "desktop.ini")
