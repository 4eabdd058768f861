"""Folders and zips of files, read by name and never unpacked to the disk."""

import hashlib
import os
import re
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
DOS = 0  # of ZipInfo.create_system: the zip was made by a program of DOS or Windows
LITTER = frozenset(  # in lower case: what systems and their file servers add to folders of pictures
    {
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),
        *("$recycle.bin", "recycler", "system volume information"),
        *("__macosx", "icon\r"),
        *("@eadir", "@recycle", "#recycle", "#snapshot"),
        "lost+found",
    }
)


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

    def unreadable(self, names: list[str]) -> list[str]:
        """What is wrong with files, a message each, as far as it shows without reading them."""
        messages = []
        for name in names:
            try:
                self._check(name)
            except DataError as error:
                messages.append(str(error))
        return messages

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises DataError."""
        try:
            self._check(name)
            return (self.path / name).read_bytes()
        except OSError as error:
            raise DataError(f"{self.label}/{name}: {error.strerror}") from None

    def sha256(self, names: list[str]) -> str:
        """SHA-256 of the lines `<sha256 of the contents>  <name>`, sorted by name, as sha256sum prints them."""
        total = hashlib.sha256()
        for name in sorted(names):
            total.update(f"{hashlib.sha256(self.read(name)).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def _check(self, name: str) -> None:
        path = self.path / name
        if not os.path.isfile(path):  # False, where Path.is_file may raise
            raise DataError(f"{self.label}/{name}: not a file")
        if not os.access(path, os.R_OK):
            raise DataError(f"{self.label}/{name}: no permission to read it")
        if os.path.getsize(path) > MAX_FILE_BYTES:
            raise DataError(f"{self.label}/{name}: more than {MAX_FILE_BYTES} bytes")

    def _unreadable(self, error: OSError) -> None:
        raise DataError(f"{self.label}: {error.filename}: {error.strerror}")


class Zip:
    """The files in a zip, by the names that they have once unpacked.

    Names that lead out of it, links, passwords and oversized contents are refused.
    """

    def __init__(self, path: Path, label: str, file: zipfile.ZipFile):
        self.path, self.label, self.file = path, label, file
        self.entries: dict[str, zipfile.ZipInfo] = {}
        folders = set()
        for entry in file.infolist():
            self._check(entry)
            spelled = entry.filename.replace("\\", "/") if entry.create_system == DOS else entry.filename
            inside = PurePosixPath(spelled)  # without `./` and doubled separators, as the unpacked file
            name = str(inside)
            if not all(map(_visible, inside.parts)):
                continue
            if spelled.endswith("/") or name == ".":
                folders.add(name)
            elif name in self.entries:
                raise DataError(f"{label}: {name} is in it twice")
            else:
                self.entries[name] = entry
        if (total := sum(entry.file_size for entry in file.infolist())) > MAX_ZIP_BYTES:
            raise DataError(f"{label}: {total} bytes unpacked; allowed: {MAX_ZIP_BYTES}")
        self.files, self.folders = sorted(self.entries), sorted(folders - {"."})

    def unreadable(self, names: list[str]) -> list[str]:
        """None: what shows without reading is checked as the zip is opened."""
        return []

    def read(self, name: str) -> bytes:
        """A file's bytes, checked against the zip's checksum. Raises DataError."""
        try:
            return self.file.read(self.entries[name])
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
        raise DataError(
            f"{label}: no such folder or zip in {path.parent.absolute()}; put it there, or set GANSPEED_DATA to the "
            "absolute path of the folder that has it (neither git nor DVC takes it along to a clone or to "
            "`dvc exp run --temp`)"
        )


def refuse_changed(container: Container, names: list[str], sha256: str) -> None:
    """Raise DataError unless these files still have this `Container.sha256`."""
    if (now := container.sha256(names)) != sha256:
        raise DataError(f"{container.label}: changed while it was read: its sha256 was {sha256} and is {now} now")


def refuse_outside(label: str, name: str) -> None:
    """Raise DataError for the name of a member that leads out of its archive, on Windows or elsewhere."""
    if re.match(r"[/\\]|[A-Za-z]:[/\\]", name) or ".." in re.split(r"[/\\]", name):
        raise DataError(f"{label}: the name {name!r}; allowed: names inside the archive, with /")


def _open_zip(path: Path, label: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        with path.open("rb") as file:
            raise damaged(label, file.read(1024), "a zip") from None


def _visible(name: str) -> bool:
    """Whether this is no hidden file and none that an operating system adds to folders of pictures."""
    return not name.startswith(".") and name.lower() not in LITTER
