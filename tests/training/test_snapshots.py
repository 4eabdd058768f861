"""What the pictures of a run are made of: fixed z, and where G sees classes, each of them."""

from dataclasses import replace

import pytest
import torch

from ganspeed.training.snapshots import SnapshotWriter


@pytest.mark.parametrize("classes", [2, 10, 64])
def test_pictures_show_every_class_and_as_many_of_each(classes, recipe, images, tmp_path):
    one = replace(recipe("gan", networks={"labels": "planes"}), classes=classes)
    z = SnapshotWriter(one, tmp_path, *images).sample_z
    shown = z[:, one.latents.dim :].argmax(1)
    assert shown[: classes + 1].tolist() == [*range(classes), 0][: len(z)]  # in turn
    counts = torch.bincount(shown, minlength=classes)
    assert len(counts) == classes and counts.max() - counts.min() <= 1


def test_pictures_of_no_classes_are_of_noise_alone(recipe, images, tmp_path):
    assert SnapshotWriter(recipe("gan"), tmp_path, *images).sample_z.shape == (64, recipe("gan").latents.dim)


def test_pictures_show_the_chosen_classes_alone(recipe, images, tmp_path):
    one = replace(recipe("gan", networks={"labels": "planes"}), classes=10, chosen=(1, 8))
    shown = SnapshotWriter(one, tmp_path, *images).sample_z[:, one.latents.dim :].argmax(1)
    assert shown.tolist() == [1, 8] * 32
