"""The calibration rows of real digits: their order, and what they are made of."""

import csv

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split
from ganspeed.errors import UserError
from ganspeed.networks.generator import NORM_BATCH, load_generator, measure_statistics, new_generator
from ganspeed.networks.layers import initialise
from ganspeed.params.load import parse_params
from ganspeed.params.networks import Networks, resolved
from ganspeed.scoring import calibration, embedder
from ganspeed.scoring.classifier import batches, embed, load_classifier, load_reference
from ganspeed.scoring.embedded import Embedded, statistics
from ganspeed.scoring.embedder import EmbeddedSet
from ganspeed.scoring.feature_metrics import frechet_distance
from ganspeed.scoring.metrics import METRICS
from ganspeed.scoring.pixel_metrics import Pixels
from ganspeed.scoring.train_classifier import build
from ganspeed.system.determinism import generator


@pytest.fixture(scope="module")
def study(shipped):
    """The shipped params, the classifier trained for a moment only."""
    study = parse_params(shipped)
    digits = study.datasets["digits"]
    quick = digits.features.model_copy(update={"epochs": 15, "width": 16})
    return study.model_copy(update={"datasets": {"digits": digits.model_copy(update={"features": quick})}})


@pytest.fixture(scope="module")
def folders(study, tmp_path_factory):
    """(prepared, features) of digits."""
    root, digits = tmp_path_factory.mktemp("calibration"), study.datasets["digits"]
    prepare_dataset("digits", digits.data, root, root / "prepared")
    build("digits", digits.features, root / "prepared", root / "features", torch.device("cpu"))
    return root / "prepared", root / "features"


@pytest.fixture(scope="module")
def table(study, folders):
    path = folders[0].parent / "digits.csv"
    calibration.calibrate("digits", *folders, study.evaluate, 1000, path)
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def values(table):
    """Metric → row → value."""
    found = {metric.name: {} for metric in METRICS if metric.fed is None}
    for line in table:
        found[line["metric"]][line["row"]] = float(line["value"])
    return found


@pytest.fixture(scope="module")
def cfid(values):
    return values["cfid"]


@pytest.fixture(scope="module")
def untrained(folders, tmp_path_factory):
    """cfid of a generator that was never trained, saved and loaded as a snapshot is."""
    networks = {"latent": {"dim": 16}, "G": {"width": 8}, "D": {"width": 8, "hidden": 0}}
    networks = resolved(Networks.model_validate(networks), 8)
    G = new_generator(networks, (1, 8, 8), 16)
    initialise(G, generator("test weights", 0), networks.init)
    measure_statistics(G.train(), torch.randn(NORM_BATCH, 16, generator=generator("test z", 0)))
    path = tmp_path_factory.mktemp("snapshot") / "0000000.safetensors"
    save_file(G.state_dict(), path)
    images = load_generator(path, networks, (1, 8, 8), 16)(torch.randn(1000, 16, generator=generator("test z", 1)))
    real, _ = load_reference(folders[1], "test")
    made = embed(load_classifier(folders[1]), [images])
    return frechet_distance(statistics(made.features), statistics(real.features))


def test_rows_stand_in_a_fixed_order_with_every_metric(table):
    """But those of what a generator was asked for: of images there is none."""
    rows = ["floor", "test", "blur_0.5", "blur_1", "blur_2", "drop_1", "drop_3", "drop_5", "pixel_gaussian"]
    assert list(dict.fromkeys(line["row"] for line in table)) == rows
    for row in rows:
        metrics = [line["metric"] for line in table if line["row"] == row]
        assert metrics == (["modes", "confident"] if row == "test" else [m.name for m in METRICS if m.fed is None])
    assert {line["row"]: int(line["n"]) for line in table}["pixel_gaussian"] == 1000


def test_the_same_bytes_are_written_twice(study, folders, tmp_path):
    few = study.evaluate.model_copy(update={"kid_subsets": 2, "transport_samples": 50, "sliced_projections": 8})
    for name in ("once", "twice"):
        calibration.calibrate("digits", *folders, few, 200, tmp_path / name)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_floor_below_every_flaw_below_an_untrained_generator(cfid, untrained):
    flaws = [value for row, value in cfid.items() if row != "floor"]
    assert 0 < cfid["floor"] < min(flaws)
    assert max(flaws) < untrained


def test_worse_with_the_width_of_the_blur_and_the_classes_dropped(cfid):
    assert cfid["blur_0.5"] < cfid["blur_1"] < cfid["blur_2"]
    assert cfid["drop_1"] < cfid["drop_3"] < cfid["drop_5"]


@pytest.mark.parametrize("metric", ["cfid", "cfid_second", "swd"])
def test_other_distances_order_the_flaws_as_cfid_does(values, metric):
    rows = values[metric]
    assert 0 < rows["floor"] < min(value for row, value in rows.items() if row != "floor")
    assert rows["blur_0.5"] < rows["blur_1"] < rows["blur_2"]
    assert rows["drop_1"] < rows["drop_3"] < rows["drop_5"]


def test_exact_transport_orders_the_flaws_but_forgives_a_slight_blur(values):
    """Between few images in many dimensions it pays to be near the middle, which a slight blur brings about."""
    rows = values["w1_exact"]
    assert 0 < rows["floor"] < min(value for row, value in rows.items() if row not in ("floor", "blur_0.5"))
    assert 0.9 * rows["floor"] < rows["blur_0.5"] < rows["blur_1"] < rows["blur_2"]
    assert rows["drop_1"] < rows["drop_3"] < rows["drop_5"]


def test_images_that_nobody_trained_on_are_no_copies(values):
    """A slight blur and a class less leave them themselves; a wide blur makes them alike, and one neighbour's."""
    rows = values["memorisation"]
    for row in ("floor", "blur_0.5", "drop_1", "drop_3", "pixel_gaussian"):
        assert rows[row] == pytest.approx(0.5, abs=0.1), row


def test_dropped_classes_are_missing_modes(table):
    modes = {line["row"]: float(line["value"]) for line in table if line["metric"] == "modes"}
    assert modes["test"] == modes["floor"] == 10
    assert [modes[f"drop_{k}"] for k in (1, 3, 5)] == [9, 7, 5]


def test_real_images_are_surer_than_pixel_gaussian_ones(table):
    confident = {line["row"]: float(line["value"]) for line in table if line["metric"] == "confident"}
    assert confident["pixel_gaussian"] < 0.3
    assert confident["test"] > 2 * confident["pixel_gaussian"]


def test_values_are_read_back_exactly(table, folders):
    real, _ = load_reference(folders[1], "test")
    blurred = calibration.blurred(load_split(folders[0], "val")[0], 1.0)
    made = embed(load_classifier(folders[1]), batches(blurred))
    expected = frechet_distance(statistics(made.features), statistics(real.features))
    assert float(next(x["value"] for x in table if (x["row"], x["metric"]) == ("blur_1", "cfid"))) == expected


def test_floor_is_blind_to_a_difference_between_val_and_test(study):
    """Both halves come from the pooled images, in every metric."""
    rng = np.random.default_rng(0)

    def real(shift: float) -> calibration.RealImages:
        values = rng.normal(size=(300, 4)) + shift
        one = Embedded(values, None)
        return calibration.RealImages(EmbeddedSet(one, one, Pixels(values, values)), values.reshape(300, 1, 2, 2))

    a, b = real(0), real(5)
    settings = study.evaluate.model_copy(update={"kid_subsets": 2, "kid_subset_size": 100})
    apart = calibration.floor(a, b, real(0).images, settings)
    far = frechet_distance(statistics(a.embedded.first.features), statistics(b.embedded.first.features))
    assert apart["cfid"] < 0.1 * far
    assert apart["cfid_second"] == apart["cfid"]
    assert apart["swd"] < 1 < 0.2 * np.sqrt(far)
    assert apart["w1_exact"] < 2 < 0.2 * np.sqrt(far)


def test_pixel_gaussian_has_the_mean_and_the_covariance_of_the_images():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 12)) * 0.03
    images = (rng.normal(size=(1000, 12)) @ mixing + 0.1).reshape(1000, 3, 2, 2).astype(np.float32)
    drawn = calibration.pixel_gaussian(images, 20_000, np.random.default_rng(1))
    assert drawn.shape == (20_000, 3, 2, 2)
    pixels, drawn = images.reshape(1000, 12), drawn.reshape(20_000, 12)
    np.testing.assert_allclose(drawn.mean(axis=0), pixels.mean(axis=0), atol=5e-3)
    covariance = np.cov(pixels, rowvar=False)
    np.testing.assert_allclose(np.cov(drawn, rowvar=False), covariance, atol=0.05 * covariance.max())


def test_pixel_gaussian_stays_in_range_and_leaves_its_input_alone():
    images = np.random.default_rng(0).choice([-1.0, 1.0], size=(50, 1, 4, 4)).astype(np.float32)
    before = images.copy()
    drawn = calibration.pixel_gaussian(images, 100, np.random.default_rng(0))
    assert drawn.min() == -1
    assert drawn.max() == 1
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(("classes", "dropped"), [(10, [1, 3, 5]), (4, [1, 2]), (2, [1])])
def test_counts_of_dropped_classes(classes, dropped):
    assert calibration.dropped_classes(classes) == dropped


def test_a_row_of_too_few_images_is_left_out_and_said_so(capsys):
    """With so few neighbours would be missing, and a covariance would not have full rank."""
    labels = np.repeat(np.arange(10), 5)
    assert {k: len(index) for k, index in calibration.remaining_images(labels, 10, 30).items()} == {1: 45, 3: 35}
    assert capsys.readouterr().err == (
        "calibration: row drop_5 is left out: 25 images; evaluate.neighbours and features.dim ask for more than 30\n"
    )


FEW = {"kid_subsets": 2, "transport_samples": 50, "sliced_projections": 8}


@pytest.mark.parametrize("classes", [("1", "4", "8"), ("8",)])
def test_with_some_classes_every_row_is_of_these(classes, study, folders, tmp_path, capsys):
    few = study.evaluate.model_copy(update=FEW)
    calibration.calibrate("digits", *folders, few, 200, tmp_path / "some", classes)
    table = list(csv.DictReader((tmp_path / "some").read_text().splitlines()))
    n = {line["row"]: int(line["n"]) for line in table}
    (_, labels), (_, others) = (load_split(folders[0], split) for split in ("test", "val"))
    numbers = [int(name) for name in classes]
    assert n["floor"] == n["test"] == np.isin(labels, numbers).sum()
    assert n["blur_1"] == np.isin(others, numbers).sum()
    metrics = {line["metric"] for line in table if line["row"] == "floor"}
    alone = {"modes", "mode_kl"} if len(classes) == 1 else set()
    assert metrics == {m.name for m in METRICS if m.fed is None} - alone
    test = {line["metric"]: float(line["value"]) for line in table if line["row"] == "test"}
    assert test.get("modes") == (None if alone else 3)
    err = capsys.readouterr().err
    if alone:
        assert "modes, mode_kl, code_accuracy, code_chance and the rows drop are left out: data.classes is a" in err
        assert not any(row.startswith("drop") for row in n)
    else:
        assert n["drop_1"] == np.isin(others, [4, 8]).sum() and "are left out" not in err


def test_so_few_images_of_a_class_that_cfid_means_nothing_are_refused(study, folders, monkeypatch, tmp_path):
    few = study.evaluate.model_copy(update=FEW)
    monkeypatch.setattr(embedder, "of_classes", lambda labels, numbers: np.arange(10))
    with pytest.raises(UserError, match=r"data\.classes: 10 images of these in test; features\.dim asks for"):
        calibration.calibrate("digits", *folders, few, 200, tmp_path / "few", ("8",))
