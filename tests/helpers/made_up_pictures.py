"""Made-up pictures in folders and zips, for the tests of the user's own pictures."""

import io
import struct
import zipfile
import zlib

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


def chunk(kind, data):
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(content, kind, data, after_pixels=False):
    """A PNG with one more chunk, behind its header or behind its pixels."""
    place = len(content) - 12 if after_pixels else 33
    return content[:place] + chunk(kind, data) + content[place:]


def deep_png(samples):
    """A PNG of 16 bits a channel, which Pillow does not write in colour. samples: (H, W, 1 to 4), below 65,536."""
    samples = np.asarray(samples, dtype=">u2")
    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def deep_ppm(samples, largest=65535):
    """A binary PPM with comments in its header. samples: (H, W, 3)."""
    samples = np.asarray(samples, dtype=">u2")
    height, width, _ = samples.shape
    return b"P6 # a comment\n%d #and 7 more\n\t%d\n%d\n" % (width, height, largest) + samples.tobytes()


def deep_tiff(samples):
    """A TIFF of 16 bits a channel. samples: (H, W, 3)."""
    samples = np.asarray(samples, dtype="<u2")
    height, width, _ = samples.shape
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 14), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, samples.nbytes)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 14 + samples.nbytes) + struct.pack("<HHH", 16, 16, 16)
    return head + samples.tobytes() + directory


# Orientation 6, and a resolution that is text: writing it again, as Pillow does to turn a picture, fails
BROKEN_EXIF = (
    b"Exif\0\0II*\0\x08\0\0\0\x02\0" + b"\x12\x01\x03\0\1\0\0\0\6\0\0\0" + b"\x1a\1\2\0\5\0\0\0\x26\0\0\0\0\0\0\0abcd\0"
)


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
