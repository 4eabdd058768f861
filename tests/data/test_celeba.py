"""CelebA, on a small made-up folder in the published layout."""

import urllib.error
import zipfile

import numpy as np
import pytest
from made_up_sources import greys, prepared, refused
from PIL import Image

from ganspeed.data import celeba, download
from ganspeed.params.datasets import CelebA


def faces(**changes):
    settings = {"image_size": 32, "holdout": 4, "split_seed": 0, "attributes": ("Male", "Smiling")} | changes
    return CelebA(source="celeba", **settings)


def made_up_celeba(root, size=(178, 218)):
    """24 faces, the first 12 train, then 6 val and 6 test; face i has the grey level 10i, and 255 at top and bottom."""
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True, exist_ok=True)
    rows, partition = ["24", "Young Smiling Male "], []
    for i in range(24):
        pixels = np.full((size[1], size[0], 3), 10 * i, dtype=np.uint8)
        pixels[:19] = pixels[-19:] = 255  # beyond the centre square, with a pixel to spare
        Image.fromarray(pixels).save(folder / "img_align_celeba" / f"{i:06}.jpg", quality=100)
        rows.append(f"{i:06}.jpg {-1: d} {1 if i & 1 else -1: d} {1 if i & 2 else -1: d}")
        partition.append(f"{i:06}.jpg {0 if i < 12 else 1 if i < 18 else 2}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(rows) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return folder


def test_celeba_keeps_the_published_cut_and_makes_classes_of_attributes(tmp_path):
    made_up_celeba(tmp_path)
    manifest, splits = prepared(tmp_path, faces())
    assert manifest.classes == ("none", "Smiling", "Male", "Male+Smiling")
    numbers = {split: np.rint(greys(x) / 10).astype(int) for split, (x, _) in splits.items()}
    assert sorted(numbers["train"]) == list(range(12))
    assert set(numbers["val"]) < set(range(12, 18)) and len(numbers["val"]) == 4
    assert set(numbers["test"]) < set(range(18, 24)) and len(numbers["test"]) == 4
    for split, (x, y) in splits.items():
        assert x.shape[1:] == (3, 32, 32)
        assert np.array_equal(y, numbers[split] % 4)
        assert np.ptp(x, axis=(1, 2, 3)).max() < 0.05  # one level: the bright rows are cropped away


def test_without_a_download_the_missing_files_and_their_folder_are_told(tmp_path, monkeypatch):
    def no_network(name, folder):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(download, "_download", no_network)
    folder = made_up_celeba(tmp_path)
    (folder / "list_attr_celeba.txt").unlink()
    (folder / "img_align_celeba").rename(tmp_path / "away")
    files = "  celeba/list_attr_celeba.txt\n  celeba/img_align_celeba.zip\nThe download failed with: .*no route to host"
    refused(tmp_path, faces(), f"data set own: files are missing in {tmp_path} .*\n.*GANSPEED_DATA.*\n{files}")


def test_one_attribute_gives_two_classes():
    assert celeba.class_names(("Smiling",)) == ("none", "Smiling")


def test_the_celeba_zip_is_as_good_as_the_folder(tmp_path):
    folder = made_up_celeba(tmp_path)
    from_folder, _ = prepared(tmp_path, faces())
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as file:
        for path in sorted((folder / "img_align_celeba").iterdir()):
            file.write(path, f"img_align_celeba/{path.name}")
    (folder / "img_align_celeba").rename(tmp_path / "away")
    assert prepared(tmp_path, faces())[0].splits == from_folder.splits


@pytest.mark.parametrize(
    "name, damage, message",
    [
        ("list_attr_celeba.txt", lambda c: c[: len(c) // 2], "damaged or truncated, not a count"),
        ("list_attr_celeba.txt", lambda c: b"<html>404", "an HTML page"),
        ("list_attr_celeba.txt", lambda c: c.replace(b"000003.jpg", b"900003.jpg"), "without 000003.jpg"),
        ("list_eval_partition.txt", lambda c: c.replace(b" 2", b" 3"), "damaged or truncated, not a list"),
        ("list_eval_partition.txt", lambda c: c[:-3], "damaged or truncated, not a list"),
        ("img_align_celeba/000005.jpg", lambda c: c[:500], "not a readable picture"),
    ],
)
def test_a_damaged_celeba_file_is_refused_by_name(tmp_path, name, damage, message):
    path = made_up_celeba(tmp_path) / name
    path.write_bytes(damage(path.read_bytes()))
    refused(tmp_path, faces(), f"celeba/{name}: {message}")


def test_missing_or_misshapen_faces_and_unknown_attributes_are_named(tmp_path):
    folder = made_up_celeba(tmp_path)
    unknown = r"datasets.own.data.attributes: unknown attribute 'Bald'; available: Young, Smiling, Male"
    refused(tmp_path, faces(attributes=("Bald",)), unknown)
    refused(tmp_path, faces(attributes=("Male", "Male")), "attributes: .* names one twice")
    refused(tmp_path, faces(holdout=7), "holdout: 7 is more than the 6 pictures for test")
    Image.new("RGB", (178, 178)).save(folder / "img_align_celeba" / "000007.jpg")
    refused(tmp_path, faces(), "img_align_celeba/000007.jpg: 178x178 pixels; allowed: 178x218")
    (folder / "img_align_celeba" / "000007.jpg").unlink()
    refused(tmp_path, faces(), r"img_align_celeba: without 000007.jpg, .* \(1 in all\)")
