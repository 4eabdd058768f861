"""What the metrics see of images is the same however the images come, and says what it is asked for."""

import numpy as np
import pytest
import torch

from ganspeed import params, pixels, views
from ganspeed.features import Architecture, Classifier
from ganspeed.metrics import frechet_distance, statistics


@pytest.fixture(scope="module")
def lens() -> views.Lens:
    torch.manual_seed(0)
    first, second = (Classifier(Architecture((1, 8, 8), 6, 4, "classes", 3)).eval() for _ in range(2))
    return views.Lens(first, second, pixels.directions(64, 9, 0), keep=25)


@pytest.fixture(scope="module")
def settings(shipped) -> params.Evaluate:
    return params.parse(shipped).evaluate.model_copy(update={"kid_subsets": 2, "kid_subset_size": 20})


def pictures(seed: int, n: int = 60) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_batches_of_any_size_give_the_same_view(lens):
    whole, parts = lens.view([pictures(0)]), lens.view(pictures(0).split(7))
    np.testing.assert_allclose(parts.first.features, whole.first.features, atol=1e-5)
    np.testing.assert_allclose(parts.first.probabilities, whole.first.probabilities, atol=1e-5)
    np.testing.assert_allclose(parts.second.features, whole.second.features, atol=1e-5)
    np.testing.assert_allclose(parts.pixels.projected, whole.pixels.projected, atol=1e-12)
    np.testing.assert_array_equal(parts.pixels.first, pictures(0)[:25].flatten(1))
    np.testing.assert_array_equal(whole.pixels.first, parts.pixels.first)


def test_the_pixels_of_an_array_are_those_of_its_batches(lens):
    seen, viewed = views.seen_pixels(pictures(1).numpy(), lens), lens.view([pictures(1)]).pixels
    np.testing.assert_allclose(seen.projected, viewed.projected, atol=1e-12)
    np.testing.assert_array_equal(seen.first, viewed.first)


def test_each_cfid_is_on_its_own_classifier(lens, settings):
    made, real = lens.view([pictures(2) ** 3]), lens.view([pictures(3)])
    near = pixels.references(pictures(4).numpy(), pictures(3).numpy())
    values = views.all_metrics(made, real, near, settings)
    assert tuple(values) == views.METRICS
    for metric, which in (("cfid", "first"), ("cfid_second", "second")):
        sides = [statistics(getattr(view, which).features) for view in (made, real)]
        assert values[metric] == views.distances(made, real)[metric] == frechet_distance(*sides)
    assert values["cfid"] != values["cfid_second"]


def test_without_pixels_there_is_what_every_snapshot_needs(lens):
    seen = lens.view([pictures(5)], full=False)
    assert seen.pixels is None
    assert tuple(views.distances(seen, lens.view([pictures(6)]))) == views.EVERY_SNAPSHOT
