"""Made-up pictures in folders and zips, for the tests of the user's own pictures."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.params.datasets import ImageFolder


def png(pixels, dtype=np.uint8, **options):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=dtype)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def grey(level, size=8):
    return png(np.full((size, size), level))


def pictures(classes=("cat", "dog"), each=10):
    """Name → bytes; the k-th class has the grey levels 100k, 100k + 1, ..."""
    return {f"{c}/{i:02}.png": grey(100 * k + i) for k, c in enumerate(classes) for i in range(each)}


def as_folder(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def as_zip(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def block(path, **changes):
    settings = {"channels": 1, "image_size": 8, "holdout": 5, "split_seed": 0} | changes
    return ImageFolder(source="image_folder", path=path, **settings)


def prepare(tmp_path, path, name="own", **changes):
    out = tmp_path / "prepared" / name
    prepare_dataset(name, block(path, **changes), tmp_path, out)
    return out


def refused(tmp_path, path, match, **changes):
    with pytest.raises(DataError, match=match):
        prepare(tmp_path, path, **changes)
    assert not list(tmp_path.glob("prepared/*")) and not list(tmp_path.glob("prepared/.*"))
