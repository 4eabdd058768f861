"""The user's own pictures, as a folder or a zip: what is read, and what is refused by name."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from made_up_pictures import as_folder, as_zip, block, deep_png, grey, pictures, png, prepare, refused
from PIL import Image

from ganspeed.data import image_folder
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split, manifest_sha256, read_manifest


def pcx():
    """A sound picture in a format that nobody asked for: its decoder must not be tried."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PCX")
    return buffer.getvalue()


def jpeg(level):
    buffer = io.BytesIO()
    Image.new("L", (8, 8), level).save(buffer, "JPEG")
    return buffer.getvalue()


def levels(folder):
    """(grey level, label) of every picture, over all splits."""
    found = []
    for split in ("train", "val", "test"):
        x, y = load_split(folder, split)
        found += zip(np.rint((x[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist(), y.tolist(), strict=True)
    return sorted(found)


EXPECTED = sorted((100 * k + i, k) for k in range(2) for i in range(10))


def test_one_sub_folder_is_one_class_and_every_picture_comes_once(tmp_path):
    as_folder(tmp_path / "own", pictures())
    out = prepare(tmp_path, "own")
    manifest = read_manifest(out)
    assert manifest.classes == ("cat", "dog")
    assert {name: part.n for name, part in manifest.splits.items()} == {"train": 10, "val": 5, "test": 5}
    assert levels(out) == EXPECTED


@pytest.mark.parametrize("wrapper", ["", "wrapped/"])
def test_a_zip_gives_the_same_arrays_as_the_folder_also_when_wrapped(tmp_path, wrapper):
    as_folder(tmp_path / "own", pictures())
    as_zip(tmp_path / "own.zip", {wrapper + name: content for name, content in pictures().items()})
    from_folder, from_zip = prepare(tmp_path, "own", "a"), prepare(tmp_path, "own.zip", "b")
    assert read_manifest(from_folder).splits == read_manifest(from_zip).splits
    assert read_manifest(from_zip).classes == ("cat", "dog")


def test_pictures_without_sub_folders_have_no_classes_and_label_0(tmp_path):
    as_folder(tmp_path / "own", {f"{i}.png": grey(i) for i in range(20)})
    out = prepare(tmp_path, "own")
    assert read_manifest(out).classes == ()
    assert levels(out) == [(i, 0) for i in range(20)]


def test_what_systems_and_people_leave_beside_pictures_is_not_read(tmp_path):
    rest = {".DS_Store": b"x", "__MACOSX/cat/._00.png": b"x", "cat/Thumbs.db": b"x", "LICENCE": b"x", "list.csv": b"x"}
    as_zip(tmp_path / "own.zip", pictures() | rest)
    as_folder(tmp_path / "own", pictures() | rest)
    assert levels(prepare(tmp_path, "own.zip", "a")) == levels(prepare(tmp_path, "own", "b")) == EXPECTED


def test_the_manifest_pins_the_source_and_names_no_absolute_path(tmp_path):
    as_folder(tmp_path / "own", pictures())
    as_zip(tmp_path / "own.zip", pictures())
    lines = "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in sorted(pictures().items()))
    expected = {
        "own": hashlib.sha256(lines.encode()).hexdigest(),
        "own.zip": hashlib.sha256((tmp_path / "own.zip").read_bytes()).hexdigest(),
    }
    for path, sha256 in expected.items():
        out = prepare(tmp_path, path, sha256=sha256)
        source = read_manifest(out).source
        assert source == {"kind": "image_folder", "path": path, "pictures": 20, "sha256": sha256}
        assert str(tmp_path) not in (out / "manifest.json").read_text()


@pytest.mark.parametrize("path", ["own", "own.zip"])
def test_a_changed_picture_breaks_the_pin(tmp_path, path):
    as_folder(tmp_path / "own", pictures())
    as_zip(tmp_path / "own.zip", pictures())
    pin = read_manifest(prepare(tmp_path, path)).source["sha256"]
    changed = pictures() | {"cat/03.png": grey(77)}
    as_folder(tmp_path / "own", changed)
    as_zip(tmp_path / "own.zip", changed)
    with pytest.raises(DataError, match=f"datasets.own.data.sha256: {pin} is expected, but {path} has"):
        prepare(tmp_path, path, sha256=pin)


def test_rgb_is_read_channels_first_and_grey_is_made_of_it_on_request(tmp_path):
    red = np.zeros((8, 8, 3))
    red[..., 0] = 255
    as_folder(tmp_path / "own", {f"{i}.png": png(red) for i in range(12)})
    x, _ = load_split(prepare(tmp_path, "own", "rgb", channels=3), "train")
    assert (x[:, 0] == 1).all() and (x[:, 1:] == -1).all()
    x, _ = load_split(prepare(tmp_path, "own", "grey"), "train")
    assert x.shape[1] == 1 and np.allclose(x, 0.299 * 2 - 1, atol=1 / 127)


@pytest.mark.parametrize("path", ["own", "own.zip"])
@pytest.mark.parametrize(
    "bad, message",
    [
        (b"", "not a readable picture"),
        (b"<!DOCTYPE html><html>", "not a readable picture: it is an HTML page"),
        (grey(5, 64)[:-30], "not a readable picture"),
        (bytes(range(256)), "not a readable picture"),
        (pcx(), "not a readable picture"),
        (png(np.zeros((8, 8)), np.uint16), "more than 8 bits a channel"),
    ],
)
def test_an_unreadable_picture_is_named_and_nothing_is_written(tmp_path, path, bad, message):
    files = pictures() | {"dog/03.png": bad}
    as_folder(tmp_path / "own", files)
    as_zip(tmp_path / "own.zip", files)
    refused(tmp_path, path, f"{path}/dog/03.png: .*{message}")


@pytest.mark.parametrize("path", ["own", "own.zip"])
@pytest.mark.parametrize(
    "files, message",
    [
        ({"readme.txt": b"x"}, ": empty: no pictures in it"),
        (pictures() | {"dog/a.heic": b"x"}, "/dog/a.heic: not a picture by its extension; allowed: .bmp"),
        (pictures() | {"dog/a": grey(1)}, "/dog/a: has no extension, so may be a picture or not; allowed: .bmp"),
        (pictures() | {"stray.png": grey(0)}, ": stray.png is beside sub-folders"),
        ({f"{s}/{n}": c for s in ("old", "new") for n, c in pictures().items()}, "/.*.png: is too deep"),
    ],
)
def test_a_layout_that_is_not_one_folder_per_class_is_refused(tmp_path, path, files, message):
    as_folder(tmp_path / "own", files)
    as_zip(tmp_path / "own.zip", files)
    refused(tmp_path, path, path + message)


@pytest.mark.parametrize("path", ["own", "own.zip"])
@pytest.mark.parametrize("below", ["", "cat/"])
@pytest.mark.parametrize("splits", [("train", "val", "test"), ("Training", "TEST"), ("valid", "testing", "validation")])
def test_folders_that_are_splits_are_no_classes(tmp_path, path, below, splits):
    files = {f"{split}/{below}{i}.png": grey(i) for split in splits for i in range(10)}
    as_folder(tmp_path / "own", files)
    as_zip(tmp_path / "own.zip", files)
    message = f"{path}: the folders {', '.join(sorted(splits))} look like splits, not classes; allowed: one sub-folder"
    refused(tmp_path, path, message)


def test_one_split_alone_or_a_class_beside_it_is_read(tmp_path):
    as_folder(tmp_path / "own", {f"train/{name}": content for name, content in pictures().items()})
    assert read_manifest(prepare(tmp_path, "own")).classes == ("cat", "dog")
    as_folder(tmp_path / "two", pictures(("cow", "train")))
    assert read_manifest(prepare(tmp_path, "two")).classes == ("cow", "train")


def test_a_class_must_have_a_name_in_utf_8(tmp_path):
    as_folder(tmp_path / "own", pictures(("cat", os.fsdecode(b"ch\xe2t"), os.fsdecode(b"\xff"))))
    names = [r"own/\\xff: the name of a class is not UTF-8", r"own/ch\\xe2t: the name of a class is not UTF-8"]
    for name in names:
        refused(tmp_path, "own", name)


def test_a_picture_may_have_any_name(tmp_path):
    files = {f"cat/{os.fsdecode(bytes([0xE2, 65 + i]))}\n.JFIF": jpeg(i) for i in range(12)}
    as_folder(tmp_path / "own", files)
    assert read_manifest(prepare(tmp_path, "own")).source["pictures"] == 12


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPEG"])
def test_a_jpeg_may_be_named_as_browsers_save_it(tmp_path, suffix):
    as_folder(tmp_path / "own", {f"{i}.{suffix}": jpeg(i) for i in range(12)})
    assert read_manifest(prepare(tmp_path, "own")).source["pictures"] == 12


@pytest.mark.parametrize("path", ["own", "own.zip"])
def test_all_bad_pictures_are_named_in_one_go_in_the_order_of_names(tmp_path, path):
    bad = {
        "cat/00.png": b"",
        "cat/07.png": b"text",
        "dog/01.png": grey(1, 64)[:-40],
        "dog/05.png": deep_png([[[1, 2, 3]]]),
    }
    as_folder(tmp_path / "own", pictures() | bad)
    as_zip(tmp_path / "own.zip", pictures() | bad)
    refused(tmp_path, path, "^" + "\n".join(f"{path}/{name}: [^\n]*" for name in sorted(bad)) + "$")


def test_of_many_bad_pictures_ten_are_named_and_all_counted(tmp_path):
    as_folder(tmp_path / "own", pictures() | {f"cat/x{i:02}.png": b"" for i in range(25)})
    first = "\n".join(f"own/cat/x{i:02}.png: not a readable picture: it is empty" for i in range(10))
    refused(tmp_path, "own", f"^{first}\nand 15 more, 25 in all$")


def test_all_that_shows_without_reading_is_named_at_once(tmp_path):
    as_folder(tmp_path / "own", pictures() | {"dog/a.heic": b"x", "cat/noext": grey(1)})
    (tmp_path / "own" / "cat" / "gone.png").symlink_to(tmp_path / "nowhere")
    lines = ("cat/gone.png: not a file", "cat/noext: has no extension[^\n]*", "dog/a.heic: not a picture[^\n]*")
    refused(tmp_path, "own", "^" + "\n".join(f"own/{line}" for line in lines) + "$")


def test_empty_folders_are_named(tmp_path):
    (tmp_path / "own").mkdir()
    refused(tmp_path, "own", "own: empty")
    as_folder(tmp_path / "own", pictures())
    (tmp_path / "own" / "bird").mkdir()
    refused(tmp_path, "own", "own/bird: an empty folder")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    nowhere = f"own: no such folder or zip in {tmp_path}; put it there, or set GANSPEED_DATA to the absolute path"
    refused(tmp_path, "own", f"{nowhere} .*`dvc exp run --temp`")


def test_a_link_to_a_folder_is_refused_and_a_broken_link_is_named(tmp_path):
    as_folder(tmp_path / "own", pictures())
    (tmp_path / "own" / "loop").symlink_to(tmp_path / "own")
    refused(tmp_path, "own", "own/loop: a link to a folder")
    (tmp_path / "own" / "loop").unlink()
    (tmp_path / "own" / "cat" / "gone.png").symlink_to(tmp_path / "nowhere")
    refused(tmp_path, "own", "own/cat/gone.png: not a file")


def test_the_order_of_the_file_system_changes_nothing(tmp_path):
    as_folder(tmp_path / "a" / "own", pictures())
    as_folder(tmp_path / "b" / "own", dict(reversed(pictures().items())))
    for name in ("a", "b"):
        prepare_dataset("own", block("own"), tmp_path / name, tmp_path / "prepared" / name)
    a, b = (manifest_sha256(Path(tmp_path, "prepared", name)) for name in ("a", "b"))
    assert a == b


@pytest.mark.parametrize("path", ["own", "own.zip"])
def test_pictures_that_change_while_they_are_read_are_refused(tmp_path, path, monkeypatch):
    """Each is opened anew after all were hashed: the sha256 in the manifest would be that of other pixels."""
    decode, write = image_folder.decode, as_zip if path.endswith(".zip") else as_folder
    write(tmp_path / path, pictures())

    def edited_meanwhile(*arguments):
        (tmp_path / "own.zip").unlink(missing_ok=True)
        write(tmp_path / path, pictures() | {"cat/03.png": grey(77)})
        return decode(*arguments)

    monkeypatch.setattr(image_folder, "decode", edited_meanwhile)
    refused(
        tmp_path, path, f"^{path}: changed while it was read: its sha256 was [0-9a-f]{{64}} and is [0-9a-f]{{64}} now"
    )


def test_a_class_that_a_split_lacks_is_named(tmp_path, capsys):
    """One picture of a third class cannot be in all three splits."""
    as_folder(tmp_path / "own", pictures() | {"owl/0.png": grey(250)})
    prepare(tmp_path, "own")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.endswith("of the class 'owl'") for line in lines), lines


def test_no_class_is_named_where_every_split_has_all(tmp_path, capsys):
    as_folder(tmp_path / "own", pictures())
    prepare(tmp_path, "own")
    assert capsys.readouterr().err == ""
