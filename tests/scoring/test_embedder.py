"""What the metrics see of images is the same however the images come, and says what it is asked for."""

import numpy as np
import pytest
import torch

from ganspeed.params.blocks import Evaluate
from ganspeed.params.load import parse_params
from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.classifier import Architecture, Classifier, embed
from ganspeed.scoring.embedded import statistics
from ganspeed.scoring.embedder import ClassifierPair, Embedder, embed_pixels
from ganspeed.scoring.feature_metrics import frechet_distance
from ganspeed.scoring.metrics import EVERY_SNAPSHOT, METRICS, all_metrics, distances


@pytest.fixture(scope="module")
def lens() -> Embedder:
    torch.manual_seed(0)
    first, second = (folded(Architecture((1, 8, 8), 6, 4, "classes", 3)) for _ in range(2))
    return Embedder(ClassifierPair(first, second), pixel_metrics.directions(64, 9, 0), keep=25)


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


def test_batches_of_any_size_give_the_same_view(lens):
    whole, parts = lens.view([pictures(0)]), lens.view(pictures(0).split(7))
    np.testing.assert_allclose(parts.first.features, whole.first.features, atol=1e-5)
    np.testing.assert_allclose(parts.first.probabilities, whole.first.probabilities, atol=1e-5)
    np.testing.assert_allclose(parts.second.features, whole.second.features, atol=1e-5)
    np.testing.assert_allclose(parts.pixels.projected, whole.pixels.projected, atol=1e-6)
    np.testing.assert_array_equal(parts.pixels.first, pictures(0)[:25].flatten(1))
    np.testing.assert_array_equal(whole.pixels.first, parts.pixels.first)


def test_the_pixels_of_an_array_are_those_of_its_batches(lens):
    seen, viewed = embed_pixels(pictures(1).numpy(), lens), lens.view([pictures(1)]).pixels
    np.testing.assert_allclose(seen.projected, viewed.projected, atol=1e-6)
    np.testing.assert_array_equal(seen.first, viewed.first)


def test_each_cfid_is_on_its_own_classifier(lens, settings):
    made, real = lens.view([pictures(2) ** 3]), lens.view([pictures(3)])
    near = pixel_metrics.references(pictures(4).numpy(), pictures(3).numpy())
    values = all_metrics(made, real, near, settings)
    assert tuple(values) == METRICS
    for metric, which in (("cfid", "first"), ("cfid_second", "second")):
        sides = [statistics(getattr(view, which).features) for view in (made, real)]
        assert values[metric] == distances(made, real)[metric] == frechet_distance(*sides)
    assert values["cfid"] != values["cfid_second"]


def test_without_pixels_there_is_what_every_snapshot_needs(lens):
    seen = lens.view([pictures(5)], full=False)
    assert seen.pixels is None
    assert tuple(distances(seen, lens.view([pictures(6)]))) == EVERY_SNAPSHOT


@pytest.mark.parametrize(("shape", "width"), [((1, 8, 8), 8), ((3, 28, 28), 6), ((1, 8, 8), 9)])
@pytest.mark.parametrize("task", ["classes", "rotations"])
def test_a_pair_of_classifiers_sees_what_each_of_them_sees(shape, width, task):
    """Those of which two fit into a vector go through as one network."""
    torch.manual_seed(1)
    first, second = (folded(Architecture(shape, 6, width, task, 3)) for _ in range(2))
    pair, x = ClassifierPair(first, second), torch.rand(30, *shape) * 2 - 1
    assert (pair.maps is None) == (width == 9)
    seen = pair.embed(x, classes=True)
    for found, wanted in zip(seen, (embed(first, [x]), embed(second, [x])), strict=True):
        np.testing.assert_allclose(found.features, wanted.features, rtol=1e-5, atol=1e-5)
    if task == "classes":
        np.testing.assert_allclose(seen[0].probabilities, embed(first, [x]).probabilities, rtol=1e-5)
    assert [one.probabilities is None for one in seen] == [task == "rotations", True]
    assert pair.embed(x, classes=False)[0].probabilities is None
