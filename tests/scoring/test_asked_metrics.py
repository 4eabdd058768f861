"""Metrics of what G was asked for: examples worked by hand, all maps tried, and what is fed is what is asked."""

from itertools import permutations
from math import comb

import numpy as np
import pytest
import torch

from ganspeed.networks.latents import Latents
from ganspeed.scoring import asked_metrics
from ganspeed.scoring.asked_metrics import Asked, code_accuracy, code_chance, share_of_asked
from ganspeed.scoring.embedded import Embedded
from ganspeed.scoring.embedder import EmbeddedSet


def samples(counts) -> tuple[np.ndarray, np.ndarray]:
    """(found, codes) of which counts[code][class] samples have this code and this class."""
    pairs = [(j, i) for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)]
    found, codes = np.array(pairs).T
    return found, codes


def test_asked_is_the_share_of_samples_of_their_own_class():
    assert share_of_asked(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75


@pytest.mark.parametrize(
    ("counts", "right"),
    [
        ([[3, 2], [2, 0]], 4 / 7),  # the largest count first would leave 3
        ([[2, 0], [2, 0]], 1 / 2),  # two codes cannot both mean class 0
        ([[3, 0], [0, 3], [3, 0], [0, 3]], 1 / 2),  # more codes than classes: two codes mean none
        ([[2, 2, 2, 2], [0, 0, 5, 0]], 7 / 13),  # more classes than codes
        ([[4]], 1),
    ],
)
def test_the_best_one_to_one_map_by_hand(counts, right):
    assert code_accuracy(*samples(counts)) == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("codes", [3, 4, 6])
def test_the_best_map_is_the_best_of_all_that_there_are(codes):
    found, codes = (np.random.default_rng(codes).integers(n, size=50) for n in (4, codes))
    size = max(found.max(), codes.max()) + 1
    best = max(np.mean(np.array(classes)[codes] == found) for classes in permutations(range(size)))
    assert code_accuracy(found, codes) == pytest.approx(best, rel=1e-12)
    assert best >= 1 / size


def test_which_code_means_which_class_does_not_matter():
    found, names = np.random.default_rng(0).integers(10, size=200), np.random.default_rng(1).permutation(10)
    assert code_accuracy(found, names[found]) == 1
    assert share_of_asked(found, names[found]) < 1


def test_chance_is_the_99th_percentile_over_permutations():
    """Six samples of either code and class, a of the first pair: P(a) is hypergeometric, the accuracy max(a, 6 - a)/6.

    It is 1 in 0.2 % of the permutations, at least 5/6 in 8 %, and at least 4/6 in 57 %.
    """
    found = np.repeat([0, 1], 6)
    tails = {least: sum(comb(6, a) ** 2 for a in range(7) if max(a, 6 - a) >= least) / comb(12, 6) for least in (5, 6)}
    assert tails[6] < 0.01 < tails[5]
    assert [code_chance(found, found, seed) for seed in range(5)] == [5 / 6] * 5


def test_chance_knows_that_the_map_is_made_for_the_samples():
    """Codes without a meaning: the share is above 1/K, and chance is above that in nearly all cases."""
    found = np.random.default_rng(0).integers(10, size=300)
    codes = [np.random.default_rng(seed).integers(10, size=300) for seed in range(1, 31)]
    shares, chances = ([f(found, c) for c in codes] for f in (code_accuracy, lambda f, c: code_chance(f, c, 0)))
    assert min(shares) > 0.1
    assert sum(share > chance for share, chance in zip(shares, chances, strict=True)) <= 3
    assert code_chance(found, found, 0) < 0.25 < code_accuracy(found, found) == 1


def test_chance_draws_by_its_seed_alone_and_leaves_the_codes(monkeypatch):
    monkeypatch.setattr(asked_metrics, "PERMUTATIONS", 3)  # of 1,000 the percentile hardly varies
    found, codes = (np.random.default_rng(seed).integers(10, size=200) for seed in (0, 1))
    before = codes.copy()
    values = [code_chance(found, codes, seed) for seed in (0, 0, 1, 2, 3)]
    assert values[0] == values[1] and len(set(values)) > 1
    np.testing.assert_array_equal(codes, before)


@pytest.mark.parametrize("categorical", [0, 4])
@pytest.mark.parametrize("continuous", [0, 2])
@pytest.mark.parametrize("classes", [0, 3])
def test_what_is_asked_is_what_g_is_fed(categorical, continuous, classes):
    latents, labels = Latents("normal", 5, categorical, continuous, classes), torch.arange(40) % 3
    z = latents.sample(40, lambda purpose: torch.Generator().manual_seed(len(purpose)), labels)
    asked = Asked.of(z, latents)
    assert [asked.classes is None, asked.categorical is None] == [classes == 0, categorical == 0]
    if classes:
        np.testing.assert_array_equal(asked.classes, labels)
    if categorical:
        fed = torch.nn.functional.one_hot(torch.from_numpy(asked.categorical), 4).float()
        assert torch.equal(fed, latents.codes(z)[:, :4]) and set(asked.categorical) == {0, 1, 2, 3}


def test_each_metric_is_of_the_label_or_of_the_code():
    found, codes, functions = np.array([0, 1, 1]), np.array([0, 0, 0]), asked_metrics.FUNCTIONS
    asked = Asked(classes=found, categorical=codes)
    embedded = Embedded(np.zeros((3, 4)), np.eye(2)[found])
    generated = EmbeddedSet(embedded, embedded, None, l2_to_target=0.25)
    values = {name: function(generated, asked, 0) for name, function in functions.items()}
    assert values == {"asked": 1, "code_accuracy": 2 / 3, "code_chance": 2 / 3, "l2_to_target": 0.25}
