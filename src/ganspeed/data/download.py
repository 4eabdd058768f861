"""Downloads by torchvision, for its mirrors and checksums; our own readers check more than torchvision's."""

import os
from pathlib import Path

from ganspeed.data.pictures import DataError
from ganspeed.system.files import temporary_folder


def fetch(dataset: str, folder: Path, wanted: list[str], name: str) -> None:
    """Download missing files and move each into `folder` once it is complete.

    wanted: missing files, relative to `folder`; name: of torchvision's class of the data set.
    Raises DataError naming the files, and the folder to put them into by hand.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder / "download") as temporary:
            _download(name, temporary)
            for file in wanted:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary / file, folder / file)
    except Exception as error:  # noqa: BLE001 no network, a full disk, a web page instead of an archive, no gdown ...
        reason = str(error).strip() or type(error).__name__
        raise DataError(
            f"data set {dataset}: files are missing in {folder} and the download failed.\n"
            f"Put these files there by hand (or set GANSPEED_DATA to the absolute path of a folder that has them):\n"
            + "".join(f"  {file}\n" for file in wanted)
            + f"The download failed with: {reason}"
        ) from None


def _download(name: str, folder: Path) -> None:
    from torchvision import datasets  # only here: it imports torch

    getattr(datasets, name)(folder, download=True)
