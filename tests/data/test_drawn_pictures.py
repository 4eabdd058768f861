"""Two hundred drawn picture files: each is read, or refused by its name; nothing else ever happens."""

from collections import Counter

import numpy as np
import pytest
from drawn_pictures import draw
from made_up_pictures import as_folder, as_zip, block, grey

from ganspeed.data.image_folder import open_image_folder
from ganspeed.data.pictures import DataError

BLOCKS = 8  # of 25 files
FATES = {"read": ("read",), "refused": ("refused",), "either": ("read", "refused")}


def outcome(root, drawn, seed):
    """`read`, `refused`, or a wrong message: of the drawn file, in a folder or a zip beside a sound picture."""
    files, channels = {"sound.png": grey(5), drawn.name: drawn.content}, 1 + 2 * (seed % 2)
    if path := ("own.zip" if seed % 3 == 0 else ""):
        as_zip(root / path, {("./" if seed % 2 else "") + name: content for name, content in files.items()})
    else:
        as_folder(root / (path := "own"), files)
    try:
        with open_image_folder("own", block(path, channels=channels), root) as source:
            part = source.parts["train"]
            pictures = [part.read(index) for index in range(len(part.labels))]
    except DataError as error:
        named = str(error).startswith(f"{path}/{drawn.name}: ") and " at 0x" not in str(error)
        return "refused" if named else str(error)
    assert len(pictures) == 2
    for picture in pictures:
        assert picture.dtype == np.float32 and picture.shape == part.shape == (channels, 8, 8)
        assert picture.min() >= -1 and picture.max() <= 1
    return "read"


@pytest.mark.parametrize("part", range(BLOCKS))
def test_a_drawn_file_is_read_or_refused_by_name(tmp_path, part):
    seeds = range(25 * part, 25 * (part + 1))
    drawn = {seed: draw(seed) for seed in seeds}
    found = {seed: outcome(tmp_path / str(seed), file, seed) for seed, file in drawn.items()}
    assert {s: found[s] for s in seeds if found[s] not in FATES[drawn[s].fate]} == {}


def test_the_draws_are_varied():
    fates = Counter(draw(seed).fate for seed in range(25 * BLOCKS))
    assert min(fates["read"], fates["refused"]) >= 50
    assert len({draw(seed).name for seed in range(25 * BLOCKS)}) > 100
