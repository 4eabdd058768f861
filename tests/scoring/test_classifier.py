"""The metric classifier on real digits, and on pictures without classes."""

import shutil

import numpy as np
import pytest
import torch
from damage import flip
from PIL import Image

from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split
from ganspeed.params.datasets import ImageFolder
from ganspeed.params.load import parse_params
from ganspeed.scoring import train_classifier
from ganspeed.scoring.classifier import (
    CLASSIFIER,
    MIN_MAP_SIZE,
    Architecture,
    Classifier,
    FeaturesError,
    batches,
    embed,
    load_classifier,
    load_reference,
)
from ganspeed.scoring.train_classifier import build, mixup_loss, rotated
from ganspeed.system.files import read_json, sha256_file

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study(shipped):
    return parse_params(shipped)


@pytest.fixture(scope="module")
def prepared(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "digits"
    prepare_dataset("digits", study.datasets["digits"].data, folder.parent, folder)
    return folder


@pytest.fixture(scope="module")
def built(study, prepared, tmp_path_factory):
    """The shipped classifier of digits."""
    folder = tmp_path_factory.mktemp("features") / "digits"
    build("digits", study.datasets["digits"].features, prepared, folder, CPU)
    return folder


@pytest.fixture(scope="module")
def quick(study):
    return study.datasets["digits"].features.model_copy(update={"epochs": 2, "min_accuracy": 0.01})


@pytest.fixture(scope="module")
def unnamed(quick, tmp_path_factory):
    """Pictures without classes, lit from above: (prepared folder, features folder)."""
    root, rng = tmp_path_factory.mktemp("unnamed"), np.random.default_rng(0)
    (root / "pictures").mkdir()
    light = np.linspace(220, 40, 8)[:, None]
    for i in range(300):
        pixels = (light + rng.normal(0, 15, (8, 8))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "pictures" / f"{i:03}.png")
    block = ImageFolder(source="image_folder", path="pictures", channels=1, image_size=8, holdout=60, split_seed=0)
    prepare_dataset("unnamed", block, root, root / "prepared")
    settings = quick.model_copy(update={"epochs": 10, "min_accuracy": 0.95})
    build("unnamed", settings, root / "prepared", root / "features", CPU)
    return root / "prepared", root / "features"


def test_shipped_classifier_passes_its_gate_and_says_so(built):
    facts = read_json(built / "accuracy.json")
    assert facts["test_accuracy"] >= facts["settings"]["min_accuracy"] == 0.95
    assert facts["task"] == "classes"
    assert facts["n"] == {"train": 803, "val": 497, "test": 497}
    assert facts["classifier_sha256"] == sha256_file(built / "classifier.safetensors")


def test_stored_accuracy_is_that_of_the_stored_reference(built, prepared):
    for split in ("val", "test"):
        embedded, labels = load_reference(built, split)
        np.testing.assert_array_equal(labels, load_split(prepared, split)[1])
        right = (embedded.probabilities.argmax(axis=1) == labels).mean()
        assert right == pytest.approx(read_json(built / "accuracy.json")[f"{split}_accuracy"])


def test_loaded_classifier_sees_what_the_reference_holds(built, prepared):
    """In evaluation mode an image's features do not depend on what else is in its batch."""
    classifier, (reference, _) = load_classifier(built), load_reference(built, "test")
    images, _ = load_split(prepared, "test")
    again = embed(classifier, [torch.from_numpy(np.array(images[i : i + 7])) for i in range(0, 70, 7)])
    np.testing.assert_allclose(again.features, reference.features[:70], atol=1e-5)
    np.testing.assert_allclose(again.probabilities, reference.probabilities[:70], atol=1e-5)
    np.testing.assert_allclose(again.probabilities.sum(axis=1), 1, atol=1e-5)


def test_features_are_standardised_and_not_rectified(built, prepared):
    embedded = embed(load_classifier(built), batches(load_split(prepared, "train")[0]))
    np.testing.assert_allclose(embedded.features.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(embedded.features.std(axis=0), 1, atol=0.2)
    assert 0.2 < (embedded.features < 0).mean() < 0.8


def test_same_bytes_whatever_the_number_of_threads(quick, prepared, tmp_path):
    for threads in (1, 2):
        torch.set_num_threads(threads)
        build("digits", quick, prepared, tmp_path / str(threads), CPU)
    for path in sorted((tmp_path / "1").iterdir()):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()
    other = quick.model_copy(update={"seed": 1})
    build("digits", other, prepared, tmp_path / "other", CPU)
    assert sha256_file(tmp_path / "other" / CLASSIFIER) != sha256_file(tmp_path / "1" / CLASSIFIER)


def test_below_the_gate_nothing_is_kept(quick, prepared, tmp_path):
    settings = quick.model_copy(update={"min_accuracy": 1.0})
    with pytest.raises(FeaturesError, match=r"^datasets\.digits\.features\.min_accuracy: .* reached 0\.\d+ .* 1\.0"):
        build("digits", settings, prepared, tmp_path / "digits", CPU)
    assert not list(tmp_path.iterdir())


def test_a_second_classifier_of_the_same_kind_passes_the_same_gate(built, prepared):
    """Other weights, other features, as good: the first one's Gaussian is not the second one's."""
    facts = read_json(built / "accuracy.json")
    assert facts["second_test_accuracy"] >= facts["settings"]["min_accuracy"]
    first, second = (load_classifier(built, which=which) for which in ("first", "second"))
    assert first.architecture == second.architecture
    assert not torch.equal(first.head.weight, second.head.weight)
    embedded, labels = load_reference(built, "test", "second")
    assert (embedded.probabilities.argmax(1) == labels).mean() == pytest.approx(facts["second_test_accuracy"])
    again = embed(second, batches(load_split(prepared, "test")[0]))
    np.testing.assert_allclose(again.features, embedded.features, atol=1e-5)


def test_the_second_seed_decides_the_second_classifier_alone(quick, prepared, tmp_path):
    for seed in (1, 2):
        settings = quick.model_copy(update={"second_seed": seed})
        build("digits", settings, prepared, tmp_path / str(seed), CPU)
    one, two = (read_json(tmp_path / str(seed) / "accuracy.json") for seed in (1, 2))
    assert one["classifier_sha256"] == two["classifier_sha256"]
    assert one["classifier_second_sha256"] != two["classifier_second_sha256"]


def test_the_second_classifier_is_gated_as_well(quick, prepared, tmp_path, monkeypatch):
    accuracies = iter([0.9, 0.9, 0.9, 0.4])  # first: val, test; second: val, test
    monkeypatch.setattr(train_classifier, "accuracy", lambda *_: next(accuracies))
    settings = quick.model_copy(update={"epochs": 1, "min_accuracy": 0.5})
    with pytest.raises(FeaturesError, match=r"the second classifier \(seed 1\) reached 0\.4000 on test"):
        build("digits", settings, prepared, tmp_path / "digits", CPU)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_same_bytes_from_two_processes(quick, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(train_classifier, "MIN_IMAGES_FOR_PROCESSES", 0)
    for workers in (1, 2):
        build("digits", quick, prepared, tmp_path / str(workers), CPU, workers)
    for path in sorted((tmp_path / "1").iterdir()):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


FILES = [f"{kind}{which}.safetensors" for kind in ("classifier", "reference") for which in ("", "_second")]


@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_refused_by_name(name, built, tmp_path):
    shutil.copytree(built, tmp_path / "digits")
    path = tmp_path / "digits" / name
    flip(path)

    def load():
        for which in ("first", "second"):
            load_classifier(tmp_path / "digits", which=which)
            load_reference(tmp_path / "digits", "test", which)

    with pytest.raises(FeaturesError, match=f"{name}: its SHA-256 is"):
        load()
    path.unlink()
    with pytest.raises(FeaturesError, match=f"{name}: no such file"):
        load()


def test_missing_folder_is_refused_by_name(tmp_path):
    with pytest.raises(FeaturesError, match=r"accuracy\.json: no such file"):
        load_classifier(tmp_path)


def test_without_classes_it_learns_to_tell_rotations(unnamed):
    prepared, folder = unnamed
    assert read_json(folder / "accuracy.json")["task"] == "rotations"
    embedded, _ = load_reference(folder, "val")
    assert embedded.probabilities is None
    quarter = rotated(torch.from_numpy(np.array(load_split(prepared, "val")[0])), torch.ones(60))
    predicted = load_classifier(folder)(quarter).argmax(1)
    assert (predicted == 1).float().mean() > 0.9


def test_classifier_is_unsure_of_blends_of_two_digits(built, prepared):
    """Half a 0 and half a 1 is neither; a classifier trained on whole digits alone would still be sure of many."""
    images, labels = load_split(prepared, "test")
    zeros, ones = (torch.from_numpy(np.array(images[labels == k][:40])) for k in (0, 1))
    classifier = load_classifier(built)
    sure = [(embed(classifier, [x]).probabilities.max(axis=1) >= 0.9).mean() for x in (zeros, (zeros + ones) / 2)]
    assert sure[0] > 0.8
    assert sure[1] < 0.1


def test_loss_without_blends_is_the_cross_entropy(built, monkeypatch):
    classifier, x = load_classifier(built), torch.rand(16, 1, 8, 8) * 2 - 1
    y, random = torch.arange(16) % 10, torch.Generator().manual_seed(0)
    monkeypatch.setattr(train_classifier, "MIXUP_SHARE", 0.0)
    expected = torch.nn.functional.cross_entropy(classifier(x), y)
    torch.testing.assert_close(mixup_loss(classifier, x, y, random), expected)


def test_blend_of_equal_images_and_labels_changes_nothing(built, monkeypatch):
    classifier, x = load_classifier(built), torch.full((4, 1, 8, 8), 0.3)
    y, random = torch.full((4,), 7), torch.Generator().manual_seed(0)
    monkeypatch.setattr(train_classifier, "MIXUP_SHARE", 1.0)
    expected = torch.nn.functional.cross_entropy(classifier(x), y)
    torch.testing.assert_close(mixup_loss(classifier, x, y, random), expected)


def test_four_quarter_turns_are_none():
    x = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4)
    once = rotated(x, torch.tensor([1, 0]))
    assert torch.equal(once[1], x[1])
    assert torch.equal(once[0, :, 0], x[0, :, :, -1])  # counter-clockwise: the last column becomes the first row
    assert torch.equal(rotated(once, torch.tensor([3, 0])), x)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_every_image_size_ends_at_the_stated_features(shape):
    architecture = Architecture(shape, 6, 2, "classes", 3)
    classifier = Classifier(architecture).eval()
    embedded = embed(classifier, [torch.zeros(2, *shape)])
    assert embedded.features.shape == (2, 6)
    assert embedded.probabilities.shape == (2, 3)
    flattened = next(m for m in classifier.body if isinstance(m, torch.nn.Linear)).in_features
    last = [m for m in classifier.body if isinstance(m, torch.nn.Conv2d)][-1].out_channels
    assert flattened == last * MIN_MAP_SIZE**2
