"""The files that MLflow shows beside a run: pictures by update, its history, its scores and its last generator.

A picture is named as `MlflowClient.log_image(run_id, image, key=PICTURE_KEY, step=update)` would name it, which is what
the grid of pictures and its slider look for. But where that draws a name and takes the time, both follow from the
update here, so that a picture that is logged again takes its own place.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ganspeed.tracking.entities import PICTURE_KEY, timestamp
from ganspeed.tracking.run_files import RunFiles

PICTURES = "images"  # the folder that MLflow's page looks in
PICTURES_TAG = {"mlflow.loggedImages": "True"}  # of a run with pictures in it
THUMBNAIL = 256  # pixels at most of a side, as MLflow has them


@contextmanager
def run_artifacts(run: RunFiles) -> Iterator[Path]:
    """A temporary folder of the files that are shown of a run."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for update, path in sorted((int(path.stem), path) for path in (run.folder / "samples").glob("*.png")):
            _write_picture(path, update, folder / PICTURES)
        shown = {"history.csv": run.folder / "history.csv", "samples.gif": run.folder / "samples.gif"}
        shown |= {"scores.csv": run.scores} if run.scores else {}
        for update, snapshot in list(run.record.snapshots().items())[-1:]:
            shown[f"generator-{update}.safetensors"] = run.folder / snapshot
        for name, path in shown.items():
            if path.exists():
                shutil.copyfile(path, folder / name)
        yield folder


def _write_picture(source: Path, update: int, folder: Path) -> None:
    """The picture as it is, and a small one for the grid."""
    from PIL import Image  # here, so that a training stage does not import it for nothing

    folder.mkdir(exist_ok=True)
    name = f"{PICTURE_KEY}+step+{update}+timestamp+{timestamp(update)}+{update:032}"
    shutil.copyfile(source, folder / f"{name}.png")
    with Image.open(source) as picture:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        picture.save(folder / f"{name}+compressed.webp", lossless=True, method=0)  # the quickest
