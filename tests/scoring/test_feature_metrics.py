"""The metrics against closed forms, examples worked by hand, and what they are for."""

from dataclasses import asdict

import numpy as np
import pytest

from ganspeed.params.blocks import Evaluate
from ganspeed.scoring import feature_metrics
from ganspeed.scoring.embedded import Embedded, Statistics, statistics
from ganspeed.scoring.feature_metrics import (
    FUNCTIONS,
    FeatureComparison,
    FeatureSide,
    Overlap,
    class_counts,
    confident_share,
    frechet_distance,
    kernel_distance,
    manifold,
    mode_kl,
    modes,
    precision_recall_density_coverage,
    subsets,
)


def rotation(d: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def gaussian(mean, covariance) -> Statistics:
    return Statistics(np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float), 1000)


class TestStatistics:
    def test_mean_and_unbiased_covariance(self):
        s = statistics(np.array([[0.0, 0.0], [2.0, 4.0]], dtype=np.float32))
        assert s.n == 2
        np.testing.assert_array_equal(s.mean, [1, 2])
        np.testing.assert_array_equal(s.covariance, [[2, 4], [4, 8]])

    def test_float32_features_are_summed_in_float64(self):
        features = np.full((100_000, 1), 1000.1, dtype=np.float32)
        features[::2] += 1
        assert statistics(features).covariance[0, 0] == pytest.approx(0.25, rel=1e-3)


class TestFrechetDistance:
    def test_closed_form_of_commuting_covariances(self):
        """With common eigenvectors it is |shift|² + sum (√λa - √λb)²."""
        rng = np.random.default_rng(0)
        axes, a, b = rotation(6, rng), rng.uniform(0.1, 4, 6), rng.uniform(0.1, 4, 6)
        shift = rng.normal(size=6)
        expected = shift @ shift + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
        distance = frechet_distance(gaussian(np.zeros(6), axes * a @ axes.T), gaussian(shift, axes * b @ axes.T))
        assert distance == pytest.approx(expected, rel=1e-10)

    def test_two_dimensional_closed_form_without_common_axes(self):
        """In two dimensions tr √M = √(tr M + 2 √det M) with M = Σa Σb."""
        a, b = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
        trace_of_root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
        expected = np.trace(a) + np.trace(b) - 2 * trace_of_root
        assert frechet_distance(gaussian([0, 0], a), gaussian([0, 0], b)) == pytest.approx(expected, rel=1e-10)

    def test_symmetric_and_zero_only_at_equality(self):
        rng = np.random.default_rng(1)
        a, b = (statistics(rng.normal(size=(50, 8)) * scale) for scale in (1, 2))
        assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)
        assert frechet_distance(a, b) > 1
        equal = [statistics(rng.normal(size=(50, 8)) * 1e3) for _ in range(20)]
        assert [frechet_distance(s, s) for s in equal] == [0.0] * 20

    def test_shift_costs_its_squared_length(self):
        features = np.random.default_rng(2).normal(size=(200, 5))
        shifted = features + np.array([3.0, 0, 0, 4.0, 0])
        assert frechet_distance(statistics(features), statistics(shifted)) == pytest.approx(25, rel=1e-9)

    def test_singular_covariances(self):
        """A collapsed generator has no spread at all; fewer samples than dimensions leave some directions without."""
        point, spread = gaussian([0, 0, 0], np.zeros((3, 3))), gaussian([0, 0, 0], np.diag([1.0, 2.0, 3.0]))
        assert frechet_distance(point, spread) == pytest.approx(6)
        few = statistics(np.random.default_rng(3).normal(size=(4, 10)))
        twin = Statistics(few.mean + 1e-9, few.covariance.copy(), few.n)
        assert 0 <= frechet_distance(few, twin) < 1e-6


def ckid(a: np.ndarray, b: np.ndarray, count: int, size: int, seed: int) -> float:
    return kernel_distance(subsets(a, count, size, (seed, 0)), subsets(b, count, size, (seed, 1)))


class TestKernelDistance:
    def test_unbiased_on_equal_distributions_and_not_clipped(self):
        rng = np.random.default_rng(0)
        draws = np.array([ckid(*rng.normal(size=(2, 40, 8)), 1, 40, 0) for _ in range(600)])
        assert abs(draws.mean()) < 4 * draws.std() / np.sqrt(len(draws))
        assert (draws < 0).mean() > 0.3

    def test_expectation_of_a_shift(self):
        """In one dimension MMD² is the weighted squared difference of the first three moments."""
        m = 0.7
        moments_a, moments_b = np.array([0, 1, 0]), np.array([m, 1 + m**2, m**3 + 3 * m])
        expected = np.array([3, 3, 1]) @ (moments_a - moments_b) ** 2  # (xy + 1)³ = 1 + 3xy + 3x²y² + x³y³
        rng = np.random.default_rng(1)
        a, b = rng.normal(size=(20_000, 1)), rng.normal(m, 1, size=(20_000, 1))
        assert ckid(a, b, 40, 500, 0) == pytest.approx(expected, rel=0.15)

    def test_by_hand(self):
        """a = {0, 1}, b = {2, 3}: k(0, 1) = 1, k(2, 3) = 343, mean of k(a, b) = (1 + 1 + 27 + 64)/4."""
        a, b = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
        assert ckid(a, b, 3, 2, 0) == pytest.approx(1 + 343 - 2 * 93 / 4)
        twice = (np.repeat(x, 2, axis=1) for x in (a, b))  # x·y/d is a mean over the features
        assert ckid(*twice, 3, 2, 0) == pytest.approx(1 + 343 - 2 * 93 / 4)

    def test_seeded(self):
        a, b = np.random.default_rng(2).normal(size=(2, 60, 4))
        assert ckid(a, b, 5, 20, 7) == ckid(a, b, 5, 20, 7)
        assert ckid(a, b, 5, 20, 7) != ckid(a, b, 5, 20, 8)


def overlap(generated: np.ndarray, real: np.ndarray, k: int) -> Overlap:
    return precision_recall_density_coverage(manifold(generated, k), manifold(real, k))


class TestManifolds:
    def test_identical_sets(self):
        points = np.random.default_rng(0).normal(size=(1500, 6))
        scores = overlap(points, points, 5)
        assert scores.precision == scores.recall == scores.coverage == 1

    def test_density_and_coverage_by_hand(self):
        """On a line, k = 1. Real 0, 1, 3, 10 have radii 1, 1, 2, 7; generated 0.5, 2, 2.1 have radii 1.5, 0.1, 0.1.

        0.5 lies in the balls of 0 and 1; 2 in those of 1 (on its border) and 3; 2.1 in that of 3 alone.
        """
        real, generated = np.array([[0.0], [1], [3], [10]]), np.array([[0.5], [2], [2.1]])
        scores = overlap(generated, real, 1)
        assert scores.density == pytest.approx(5 / 3)
        assert scores.coverage == pytest.approx(3 / 4)
        assert scores.precision == 1
        assert scores.recall == pytest.approx(2 / 4)  # 0 and 1, in the ball of 0.5

    def test_collapsed_generator_is_precise_and_recalls_nothing(self):
        rng = np.random.default_rng(1)
        real = rng.normal(size=(600, 4))
        scores = overlap(rng.normal(size=(500, 4)) * 1e-3, real, 5)
        assert scores.precision > 0.95
        assert scores.recall < 0.02
        assert scores.coverage < 0.2

    def test_scattered_generator_recalls_and_is_not_precise(self):
        rng = np.random.default_rng(2)
        scores = overlap(rng.normal(size=(500, 4)) * 8, rng.normal(size=(600, 4)), 5)
        assert scores.precision < 0.2
        assert scores.recall > 0.9
        assert scores.density < 0.2

    def test_blocks_of_rows_change_nothing(self, monkeypatch):
        generated, real = np.random.default_rng(3).normal(size=(2, 100, 3))
        at_once = overlap(generated, real, 3)
        monkeypatch.setattr(feature_metrics, "DISTANCE_ROWS", 7)
        assert overlap(generated, real, 3) == at_once

    def test_too_few_points_are_refused(self):
        with pytest.raises(ValueError, match="5 points have no 5-th neighbour"):
            overlap(np.zeros((10, 2)), np.zeros((5, 2)), 5)


class TestClasses:
    def test_counts_and_modes(self):
        counts = class_counts(np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]]))
        np.testing.assert_array_equal(counts, [2, 1, 0])
        assert [modes(counts, m) for m in (1, 2, 3)] == [2, 1, 0]

    def test_kl_by_hand(self):
        assert mode_kl(np.array([3, 1, 0]), np.array([2, 1, 1])) == pytest.approx(0.75 * np.log(1.5))
        assert mode_kl(np.array([30, 10, 0]), np.array([3, 1, 0])) == pytest.approx(np.log(4.5 / 4))
        assert mode_kl(np.array([1, 1]), np.array([1, 1])) == 0

    def test_class_without_real_samples_counts_as_half_a_sample(self):
        assert mode_kl(np.array([0, 5]), np.array([4, 0])) == pytest.approx(np.log(4.5 / 0.5))

    def test_kl_of_equal_distributions_has_its_known_expectation(self):
        rng, p = np.random.default_rng(0), np.array([0.1, 0.15, 0.2, 0.25, 0.3])
        draws = [mode_kl(rng.multinomial(2000, p), rng.multinomial(500, p)) for _ in range(4000)]
        assert np.mean(draws) == pytest.approx((5 - 1) / 2 * (1 / 2000 + 1 / 500), rel=0.06)

    def test_confident_share_includes_the_bound(self):
        probabilities = np.array([[0.9, 0.1], [0.89, 0.11], [0.05, 0.95], [0.5, 0.5]])
        assert confident_share(probabilities, 0.9) == 0.5


class TestAllMetrics:
    settings = Evaluate(
        split="test",
        seed=0,
        full_snapshots=5,
        neighbours=5,
        manifold_samples=100,
        kid_subsets=3,
        kid_subset_size=50,
        sliced_projections=8,
        transport_samples=50,
        mode_min_count=1,
        confidence=0.9,
    )

    def embedded(self, seed: int, n: int) -> Embedded:
        rng = np.random.default_rng(seed)
        return Embedded(rng.normal(size=(n, 4)), rng.dirichlet(np.ones(3), n))

    def sides(self, made: Embedded, real: Embedded, **changes) -> FeatureComparison:
        settings = self.settings.model_copy(update=changes)
        return FeatureComparison(*(FeatureSide(one, one, settings, i) for i, one in enumerate((made, real))))

    def test_every_metric_by_its_function(self):
        made, real = self.embedded(0, 150), self.embedded(1, 120)
        values = {name: function(self.sides(made, real)) for name, function in FUNCTIONS.items()}
        counts = [class_counts(side.probabilities) for side in (made, real)]
        assert values["cfid"] == values["cfid_second"] == frechet_distance(made.statistics, real.statistics)
        assert (values["modes"], values["mode_kl"]) == (modes(counts[0], 1), mode_kl(*counts))
        assert values["confident"] == confident_share(made.probabilities, 0.9)
        assert values.items() >= asdict(self.sides(made, real).overlap).items()

    def test_subsets_are_no_larger_than_the_smaller_set(self):
        made, real = self.embedded(0, 150), self.embedded(1, 120)
        larger, all_rows = (self.sides(made, real, kid_subset_size=size) for size in (400, 120))
        assert FUNCTIONS["ckid"](larger) == FUNCTIONS["ckid"](all_rows)

    def test_a_real_side_is_computed_once_and_serves_every_generated_set(self):
        s = self.settings.model_copy(update={"manifold_samples": 150, "kid_subset_size": 130})
        sides = [FeatureSide(real, real, s, 1) for real in (self.embedded(1, 140), self.embedded(4, 135))]
        first = {}
        for seed, n in ((0, 150), (2, 120), (0, 150), (3, 60)):
            made = self.embedded(seed, n)
            for i, side in enumerate(sides):
                comparison = FeatureComparison(FeatureSide(made, made, s, 0), side)
                features, size = (made.features, side.first.features), min(130, n)
                assert FUNCTIONS["ckid"](comparison) == ckid(*features, s.kid_subsets, size, s.seed)
                assert comparison.overlap == overlap(*features, s.neighbours)
                manifold, subsets = first.setdefault((i, size), (side.manifold, comparison.subsets[1]))
                assert side.manifold is manifold and comparison.subsets[1] is subsets

    def test_manifolds_use_at_most_the_stated_samples(self):
        """Twice 60 points 100 apart: with at most 60 rows drawn at random, both clusters are still seen."""
        rng = np.random.default_rng(0)
        two_clusters = Embedded(rng.normal(size=(120, 4)) + np.repeat([0, 100], 60)[:, None], None)
        one_cluster = Embedded(rng.normal(size=(60, 4)), None)
        found = self.sides(one_cluster, two_clusters, manifold_samples=60).overlap
        assert 0.2 < found.coverage < 0.8
        assert found.density != overlap(one_cluster.features, two_clusters.features, 5).density
