"""Embedded sets are the same whatever the batches, and the metrics of them are those of the registry."""

import numpy as np
import pytest
import torch

from ganspeed.params.blocks import Evaluate
from ganspeed.params.load import parse_params
from ganspeed.scoring import asked_metrics, feature_metrics, pixel_metrics
from ganspeed.scoring.asked_metrics import Asked
from ganspeed.scoring.classifier import Architecture, Classifier, embed
from ganspeed.scoring.compute_metrics import compute_metrics, needs_classes, needs_pixels, real_reference
from ganspeed.scoring.embedded import statistics
from ganspeed.scoring.embedder import ClassifierPair, Embedder, embed_pixels
from ganspeed.scoring.feature_metrics import frechet_distance
from ganspeed.scoring.metrics import METRICS

COLUMN_ORDER = ["cfid", "ckid", "precision", "recall", "density", "coverage", "modes", "mode_kl", "confident"]
COLUMN_ORDER += ["asked", "code_accuracy", "code_chance"]  # where G is fed a class or a code
COLUMN_ORDER += ["cfid_second", "swd", "w1_exact", "memorisation"]  # of a full snapshot in the table of scores: frozen


def new_embedder(task: str) -> Embedder:
    torch.manual_seed(0)
    first, second = (folded(Architecture((1, 8, 8), 6, 4, task, 3)) for _ in range(2))
    return Embedder(ClassifierPair(first, second), pixel_metrics.directions(64, 9, 0), transport_samples=25)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return new_embedder("classes")


def folded(architecture: Architecture) -> Classifier:
    """A classifier with weights and statistics at random."""
    classifier = Classifier(architecture)
    with torch.no_grad():
        classifier(torch.rand(20, *architecture.shape) * 2 - 1)
    classifier.eval().requires_grad_(False).fold()
    return classifier


@pytest.fixture(scope="module")
def settings(shipped) -> Evaluate:
    return parse_params(shipped).evaluate.model_copy(update={"kid_subsets": 2, "kid_subset_size": 20})


def pictures(seed: int, n: int = 60) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_batches_of_any_size_give_the_same_embedded_set(embedder):
    one, parts = embedder.embed([pictures(0)]), embedder.embed(pictures(0).split(7))
    np.testing.assert_allclose(parts.first.features, one.first.features, atol=1e-5)
    np.testing.assert_allclose(parts.first.probabilities, one.first.probabilities, atol=1e-5)
    np.testing.assert_allclose(parts.second.features, one.second.features, atol=1e-5)
    np.testing.assert_allclose(parts.pixels.projections, one.pixels.projections, atol=1e-6)
    np.testing.assert_array_equal(parts.pixels.samples, pictures(0)[:25].flatten(1))
    np.testing.assert_array_equal(one.pixels.samples, parts.pixels.samples)


def test_the_pixels_of_an_array_are_those_of_its_batches(embedder):
    of_array, of_batches = embed_pixels(pictures(1).numpy(), embedder), embedder.embed([pictures(1)]).pixels
    np.testing.assert_allclose(of_array.projections, of_batches.projections, atol=1e-6)
    np.testing.assert_array_equal(of_array.samples, of_batches.samples)


def test_each_cfid_is_on_its_own_classifier(embedder, settings):
    made, real = embedder.embed([pictures(2) ** 3]), embedder.embed([pictures(3)])
    reference = real_reference(real, pictures(4).numpy(), pictures(3).numpy(), settings)
    values, quick = compute_metrics(made, reference), compute_metrics(made, reference, full=False)
    for metric, which in (("cfid", "first"), ("cfid_second", "second")):
        sides = [statistics(getattr(embedded, which).features) for embedded in (made, real)]
        assert values[metric] == quick[metric] == frechet_distance(*sides)
    assert values["cfid"] != values["cfid_second"]


FED = {name: Asked(**dict.fromkeys(name.split(), np.arange(60) % 3)) for name in ("", "classes", "classes categorical")}


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("task", ["classes", "rotations"])
@pytest.mark.parametrize("fed", FED)
def test_the_metrics_are_those_of_the_registry(fed, task, full, settings):
    """Each is in the registry and computed, when its flags say so and from no more than was embedded for it."""
    embedder = new_embedder(task)
    reference = real_reference(embedder.embed([pictures(6)]), pictures(7).numpy(), pictures(6).numpy(), settings)
    embedded = embedder.embed([pictures(5)], needs_pixels(full), needs_classes(full))
    assert (embedded.pixels is not None) == full
    assert (embedded.first.probabilities is not None) == (full and task == "classes")
    values = compute_metrics(embedded, reference, full, FED[fed])
    registered = [m for m in METRICS if (full or m.every_snapshot) and (task == "classes" or not m.needs_classes)]
    assert list(values) == [m.name for m in registered if m.fed is None or m.fed in fed.split()]
    of_fed = {"classes": ["asked"], "categorical": ["code_accuracy", "code_chance"], "image": ["l2_to_target"]}
    without = [name for key, names in of_fed.items() if key not in fed.split() for name in names]
    if task == "rotations":
        without += ["modes", "mode_kl", "confident", *of_fed["classes"], *of_fed["categorical"]]
    wanted = [name for name in COLUMN_ORDER if name not in without] if full else ["cfid", "cfid_second"]
    assert list(values) == wanted


def test_every_function_of_a_metric_is_in_the_registry_once():
    functions = [*feature_metrics.FUNCTIONS, *pixel_metrics.FUNCTIONS, *asked_metrics.FUNCTIONS]
    assert sorted(functions) == sorted(metric.name for metric in METRICS)


@pytest.mark.parametrize(("shape", "width"), [((1, 8, 8), 8), ((3, 28, 28), 6), ((1, 8, 8), 9)])
@pytest.mark.parametrize("task", ["classes", "rotations"])
def test_a_pair_of_classifiers_embeds_as_each_of_them_does(shape, width, task):
    """Those of which two fit into a vector are computed as one network."""
    torch.manual_seed(1)
    first, second = (folded(Architecture(shape, 6, width, task, 3)) for _ in range(2))
    pair, x = ClassifierPair(first, second), torch.rand(30, *shape) * 2 - 1
    assert (pair.maps is None) == (width == 9)
    embedded = pair.embed(x, classes=True)
    for found, wanted in zip(embedded, (embed(first, [x]), embed(second, [x])), strict=True):
        np.testing.assert_allclose(found.features, wanted.features, rtol=1e-5, atol=1e-5)
    if task == "classes":
        np.testing.assert_allclose(embedded[0].probabilities, embed(first, [x]).probabilities, rtol=1e-5)
    assert [one.probabilities is None for one in embedded] == [task == "rotations", True]
    assert pair.embed(x, classes=False)[0].probabilities is None
