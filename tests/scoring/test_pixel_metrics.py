"""Distances on pixels against closed forms, and memorisation against what it is there to find."""

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment

from ganspeed.scoring import pixel_metrics
from ganspeed.scoring.pixel_metrics import flat, memorisation, neighbour_candidates


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def images(rng: np.random.Generator, n: int, size: int = 4) -> np.ndarray:
    return rng.uniform(-1, 1, (n, 1, size, size)).astype(np.float32)


def sliced(a: np.ndarray, b: np.ndarray, directions: np.ndarray) -> float:
    return pixel_metrics.sliced_wasserstein(pixel_metrics.project(a, directions), pixel_metrics.project(b, directions))


class TestSlicedWasserstein:
    def test_a_shift_costs_the_mean_square_of_its_projections(self, rng):
        a, directions = images(rng, 60), pixel_metrics.directions(16, 40, 3)
        shift = rng.normal(size=(1, 1, 4, 4))
        expected = np.sqrt(np.mean((shift.ravel() @ directions) ** 2))
        assert sliced(a, a + shift, directions) == pytest.approx(expected, rel=1e-6)

    def test_sets_of_other_sizes_by_hand(self):
        """On a line, {0, 1} against {0, 0, 1, 3}: the quantiles differ by 0, 0, 0 and 2 on a quarter each."""
        a, b = np.array([[0.0], [1.0]]), np.array([[0.0], [0.0], [1.0], [3.0]])
        assert pixel_metrics.sliced_wasserstein(a, b) == pytest.approx(1.0)

    def test_is_that_of_pot(self, rng):
        a, b = images(rng, 50).astype(float), images(rng, 70).astype(float) ** 3
        directions = pixel_metrics.directions(16, 35, 0)
        expected = ot.sliced_wasserstein_distance(pixel_metrics.flat(a), pixel_metrics.flat(b), projections=directions)
        assert sliced(a, b, directions) == pytest.approx(expected, rel=1e-12)
        assert sliced(np.float32(a), np.float32(b), directions) == pytest.approx(expected, rel=1e-6)

    def test_directions_are_fixed_unit_vectors_from_all_around(self):
        directions = pixel_metrics.directions(5, 4000, 7)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1, rtol=1e-12)
        np.testing.assert_allclose(directions @ directions.T / 4000, np.eye(5) / 5, atol=0.02)
        np.testing.assert_array_equal(directions, pixel_metrics.directions(5, 4000, 7))
        assert not np.array_equal(directions, pixel_metrics.directions(5, 4000, 8))


class TestExactWasserstein:
    def test_a_shift_costs_its_length_and_not_its_square(self, rng):
        a, shift = rng.normal(size=(80, 6)), np.array([3.0, 0, 0, -4.0, 0, 0])
        assert pixel_metrics.exact_wasserstein(a, a + shift) == pytest.approx(5, rel=1e-9)

    def test_order_does_not_matter(self, rng):
        a = rng.normal(size=(80, 6))
        assert pixel_metrics.exact_wasserstein(a, rng.permutation(a)) == pytest.approx(0, abs=1e-6)

    def test_the_plan_is_the_best_one(self):
        """Points 0 and 10 to 9 and 1: straight across costs 9 and 9, crosswise 1 and 1."""
        assert pixel_metrics.exact_wasserstein(np.array([[0.0], [10.0]]), np.array([[9.0], [1.0]])) == pytest.approx(1)

    def test_equally_many_of_both_sides(self, rng):
        a, b = rng.normal(size=(40, 3)), rng.normal(size=(25, 3))
        assert pixel_metrics.exact_wasserstein(a, b) == pixel_metrics.exact_wasserstein(a[:25], b)

    def test_it_is_the_optimum_of_the_linear_programme(self, rng):
        a, b = rng.normal(size=(60, 4)), rng.normal(1.0, 2.0, size=(60, 4))
        programme = ot.emd2([], [], ot.dist(a, b, metric="euclidean"))
        assert pixel_metrics.exact_wasserstein(a, b) == pytest.approx(programme, rel=1e-12)

    @pytest.mark.parametrize("kind", ["alike", "outlier", "clusters", "tiny", "half alike"])
    @pytest.mark.filterwarnings("error")
    def test_where_the_search_starts_changes_no_optimum(self, rng, kind):
        a, b = rng.normal(size=(2, 60, 4))
        match kind:
            case "alike":
                a[:] = 1
            case "outlier":
                a[0] = 1e6
            case "clusters":
                a[:30] += 1e4
            case "tiny":
                a, b = 1e-9 * a, 1e-9 * b
            case "half alike":
                a[:30], b[:] = 0, 0
        distances = np.linalg.norm(a[:, None] - b, axis=2)
        best = distances[linear_sum_assignment(distances)].mean()
        assert pixel_metrics.exact_wasserstein(a, b) == pytest.approx(best, rel=1e-12)


class TestMemorisation:
    def test_copies_score_one_and_copies_of_the_held_out_nothing(self, rng):
        candidates = neighbour_candidates(images(rng, 90), images(rng, 90))
        assert memorisation(flat(candidates.train), candidates) == 1
        assert memorisation(flat(candidates.held_out), candidates) == 0

    @pytest.mark.parametrize("train", [150, 600])
    def test_fresh_images_score_one_half_however_many_were_trained_on(self, train):
        """Were all of the training images looked at, the nearest would be one of 600 in 4 of 5 cases."""
        shares = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            candidates = neighbour_candidates(images(rng, train, 2), images(rng, 150, 2))
            shares.append(memorisation(flat(images(rng, 200, 2)), candidates))
        assert abs(np.mean(shares) - 0.5) < 4 * np.std(shares) / np.sqrt(len(shares))
        assert np.std(shares) < 0.06

    def test_bad_images_score_one_half_too(self):
        """Far from every real image is no sign of memory; one neighbour then serves them all, hence many draws."""
        shares = []
        for seed in range(400):
            rng = np.random.default_rng(seed)
            candidates = neighbour_candidates(images(rng, 20, 2), images(rng, 20, 2))
            shares.append(memorisation(flat(images(rng, 10, 2) + 3), candidates))
        assert abs(np.mean(shares) - 0.5) < 4 * np.std(shares) / np.sqrt(len(shares))

    def test_a_part_of_copies_shows_as_half_of_it(self, rng):
        candidates = neighbour_candidates(images(rng, 400), images(rng, 400))
        fresh = flat(images(rng, 4000))
        copied = np.concatenate([fresh[:2800], flat(candidates.train)[rng.integers(0, 400, 1200)]])
        share, without = memorisation(copied, candidates), memorisation(fresh[:2800], candidates)
        assert share == pytest.approx(0.7 * without + 0.3)

    def test_ties_count_half(self, rng):
        both = images(rng, 30)
        assert memorisation(flat(images(rng, 50)), neighbour_candidates(both, both)) == 0.5

    def test_blocks_of_candidates_change_nothing(self, rng, monkeypatch):
        candidates, made = neighbour_candidates(images(rng, 50), images(rng, 50)), flat(images(rng, 40))
        at_once = memorisation(made, candidates)
        monkeypatch.setattr(pixel_metrics, "CANDIDATE_ROWS", 7)
        assert memorisation(made, candidates) == at_once
