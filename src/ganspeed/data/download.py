"""Downloads by torchvision, for its mirrors and checksums; reading is our own, since torchvision checks little."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ganspeed.data.source import DataError


def fetch(dataset: str, folder: Path, wanted: list[str], download: Callable[[Path], object]) -> None:
    """Download what is missing and put it into `folder`, each file whole or not at all.

    wanted: missing files, relative to `folder`; download: fills the folder that it is given.
    Raises DataError that tells which files to put where.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            download(Path(temporary))
            for name in wanted:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(temporary, name), folder / name)
    except Exception as error:  # noqa: BLE001 no network, no disk, a web page for an archive, no gdown ...
        reason = str(error).strip() or type(error).__name__
        raise DataError(
            f"data set {dataset}: files are missing in {folder} and the download failed.\n"
            f"Put these there by hand (the environment variable GANSPEED_DATA names the folder):\n"
            + "".join(f"  {name}\n" for name in wanted)
            + f"The download said: {reason}"
        ) from None
