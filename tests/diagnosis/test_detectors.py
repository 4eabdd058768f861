"""Every detector: raised beyond its bound alone, since the right update, and by no healthy run."""

import math

import numpy as np
import pytest
from made_up_evidence import evidence, from_update

from ganspeed.diagnosis import all_detectors, diagnosed
from ganspeed.params.blocks import Diagnosis

BOUNDS = Diagnosis()
LN2 = math.log(2)
BAD = {"cfid": 8.0}  # of every snapshot: worse than Gaussian pixels, and level

# Detector, changes to the history, changes to the scores, since when.
RAISED = [
    ("no_hidden_activation", {"probe__bend_G": 1e-15}, {}, 0),
    ("no_hidden_activation", {"probe__bend_D": 1e-15}, {}, 0),
    ("sigmoid_before_logits", {"probe__score_lowest": 0.0, "probe__score_highest": 1.0}, {}, 0),
    (
        "sigmoid_before_logits",
        {"probe__score_lowest": from_update(20, 0.1, -0.1), "probe__score_highest": 0.9},
        {},
        20,
    ),
    ("badly_scaled_weights", {"probe__saturated": from_update(1, 0.0, 0.95), "probe__moved_D": 0.05}, {}, 0),
    ("output_range", {"probe__out_of_range": from_update(140, 0.7, 0.0)}, {}, 140),
    (
        "fooled_discriminator",
        {"g__adversarial": from_update(400, 0.02, 0.9), "d__fake": from_update(300, 4.0, 0.7)},
        {"cfid": lambda u: 9.0 - u / 200},
        400,
    ),
    ("discriminator_at_chance", {"d__real": 0.7, "d__fake": 0.68}, {"cfid": lambda u: 20 - u / 50}, 460),
    ("critic_blow_up", {"gap": from_update(310, -2e5, 1.0)}, {}, 310),
    ("critic_blow_up", {"gap": lambda u: 500 * (np.maximum(u, 1) / 600) ** 2}, {}, 460),
    ("unbalanced_players", {"probe__auc": 1.0, "probe__gradient_G": from_update(400, 0.05, 2.0)}, {}, 460),
    ("unbalanced_players", {"probe__auc": 0.5}, {"cfid": lambda u: 20 - u / 50}, 460),
    ("plateau", {}, {"cfid": 4.6}, 300),
    ("mode_collapse", {}, {"modes": lambda u: np.where(u >= 200, 4.0, 9.0)}, 200),
    ("mode_collapse", {"probe__distance_fake": from_update(560, 0.1, 0.5)}, {}, 560),
    ("mode_collapse", {}, {"recall": lambda u: np.where(u >= 400, 0.05, 0.5)}, 400),
    ("vanishing_gradients", {"probe__gradient_G": from_update(350, 0.005, 2.0)}, {}, 350),
    ("vanishing_gradients", {"diagnostics__profile_0.00": from_update(350, 1e-5, 0.3)}, {}, 350),
    ("discriminator_fit", {"probe__score_held_out": from_update(300, -0.1, 0.2)}, {}, 460),
    ("discriminator_fit", {"probe__score_held_out": from_update(0, 0.3, 0.3), "probe__score_real": 0.3},
     {"cfid": lambda u: 20 - u / 50}, 460),
    ("idle_player", {"probe__cosine": 0.4}, {}, 0),
    ("idle_player", {"probe__fake_term_moved": 0.0}, {}, 0),
    ("dominant_adversarial_part", {"g__content": from_update(250, -0.5, 5.0)}, {}, 250),
    ("exploding_lambda", {"diagnostics__lambda": from_update(200, 1001.0, 1000.0)}, {}, 200),
]  # fmt: skip

# The same without the finding: at the bound, for a shorter time, over again, or where it means nothing.
NOT_RAISED = [
    ("no_hidden_activation", {"probe__bend_G": 1e-9}, {}),
    ("no_hidden_activation", {"probe__bend_G": from_update(600, 1e-15, 1e-3)}, {}),  # at the end alone
    ("sigmoid_before_logits", {"probe__score_lowest": -1e-6, "probe__score_highest": 1.0}, {}),
    ("sigmoid_before_logits", {"probe__score_lowest": from_update(40, 0.1, -0.1), "probe__score_highest": 0.9}, {}),
    ("badly_scaled_weights", {"probe__saturated": 0.5, "probe__moved_D": 0.05}, {}),
    ("badly_scaled_weights", {"probe__saturated": 0.95, "probe__moved_D": 0.1}, {}),
    ("badly_scaled_weights", {"probe__saturated": from_update(1, 0.95, 0.0), "probe__moved_D": 0.05}, {}),  # later
    ("output_range", {"probe__out_of_range": 0.05}, {}),
    ("output_range", {"probe__out_of_range": from_update(160, 0.7, 0.0)}, {}),  # not from a quarter on
    ("output_range", {"probe__out_of_range": from_update(600, 0.0, 0.7)}, {}),
    ("output_range", {"probe__out_of_range": from_update(300, 0.08, 0.9)}, {}),  # a slow G: still learning its range
    ("fooled_discriminator", {"g__adversarial": 0.02, "d__fake": 4.0}, {}),  # good samples
    ("fooled_discriminator", {"g__adversarial": 0.1, "d__fake": 4.0}, BAD),
    ("fooled_discriminator", {"g__adversarial": from_update(520, 0.02, 0.9), "d__fake": 4.0}, BAD),  # nine rows
    ("fooled_discriminator", {"g__adversarial": -4.0, "d__fake": 4.0}, BAD),  # a saturating loss
    ("discriminator_at_chance", {"d__real": LN2, "d__fake": LN2}, {}),  # good samples: an equilibrium
    ("discriminator_at_chance", {"d__real": LN2, "d__fake": LN2 + 0.1}, BAD),
    ("critic_blow_up", {"gap": 1e5}, {}),
    ("critic_blow_up", {"gap": lambda u: 100 * (np.maximum(u, 1) / 600) ** 2}, {}),  # a gap that is not large
    ("critic_blow_up", {"gap": lambda u: 500 * np.maximum(u, 1) / 600}, {}),  # in proportion: ln 2 in a doubling
    ("unbalanced_players", {"probe__auc": 1.0}, {}),  # G still learns
    ("unbalanced_players", {"probe__auc": 0.99, "probe__gradient_G": from_update(400, 0.05, 2.0)}, {}),
    ("unbalanced_players", {"probe__auc": 0.5}, {}),
    ("plateau", {}, {"cfid": 4.5}),
    ("plateau", {}, {"cfid": lambda u: 50 * np.maximum(u, 1) ** -0.11}),
    ("mode_collapse", {}, {"modes": 5.0}),
    ("mode_collapse", {}, {"modes": lambda u: np.where(u >= 600, 9.0, 1.0)}),
    ("mode_collapse", {"probe__distance_fake": from_update(570, 0.1, 0.5)}, {}),  # four rows
    ("mode_collapse", {"probe__distance_fake": 0.3 * 0.6}, {}),
    ("mode_collapse", {}, {"recall": 0.1}),
    ("mode_collapse", {}, {"recall": 0.0, "precision": 0.49}),  # samples like no real image
    ("vanishing_gradients", {"probe__gradient_G": from_update(520, 0.005, 2.0)}, {}),  # nine rows
    ("vanishing_gradients", {"probe__gradient_G": 1e-9}, {}),  # small from the start, and no smaller
    ("vanishing_gradients", {"diagnostics__profile_0.00": 1e-4}, {}),
    ("discriminator_fit", {"probe__score_held_out": 0.25, "probe__score_real": 0.5, "probe__score_fake": 0.0}, {}),
    ("discriminator_fit", {"probe__score_held_out": 0.3, "probe__score_real": 0.3}, {}),  # good samples
    ("discriminator_fit", {"probe__score_held_out": 0.3, "probe__score_real": 0.3, "probe__auc": 0.75}, BAD),
    ("discriminator_fit", {"probe__score_held_out": from_update(600, 0.4, -0.1)}, {}),  # but in one row
    ("discriminator_fit", {"probe__score_held_out": -9.0, "probe__score_fake": 1.0}, {}),  # no gap above 0
    ("idle_player", {"probe__cosine": 0.0}, {}),
    ("idle_player", {"probe__cosine": from_update(1, 0.4, -0.4)}, {}),
    ("idle_player", {"probe__cosine": from_update(600, 0.4, -0.4)}, {}),
    ("idle_player", {"probe__fake_term_moved": 1e-7}, {}),
    ("dominant_adversarial_part", {"g__content": 0.9, "g__adversarial": -0.9}, {}),
    ("exploding_lambda", {"diagnostics__lambda": 1000.0}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rows", "metrics", "since"), RAISED)
def test_a_finding_is_made_since_the_right_update(name, rows, metrics, since):
    found = diagnosed(evidence(rows, metrics), BOUNDS)
    (finding,) = (finding for finding in found if finding.name == name)
    assert finding.since == since
    assert finding.title and finding.means and finding.advice
    for sign in finding.signs:
        holds = {"<": sign.value < sign.bound, "<=": sign.value <= sign.bound, ">": sign.value > sign.bound}
        assert holds[sign.relation]


@pytest.mark.parametrize(("name", "rows", "metrics"), NOT_RAISED)
def test_no_finding_is_made_up_to_its_bound(name, rows, metrics):
    found = diagnosed(evidence(rows, metrics), BOUNDS)
    assert name not in found.names and name not in found.not_asked


def test_a_healthy_run_has_no_finding_though_all_is_asked():
    found = diagnosed(evidence({"g__content": 5.0, "diagnostics__lambda": 10.0}), BOUNDS)
    assert found.names == [] and found.not_asked == {}


def test_a_run_that_is_not_finite_is_found_at_that_update():
    (finding,) = diagnosed(evidence(diverged_at=73), BOUNDS)
    assert (finding.name, finding.since) == ("not_finite", 73)


def test_each_detector_is_raised_by_some_test_and_looked_at_by_another():
    raised, silent = {name for name, *_ in RAISED}, {name for name, *_ in NOT_RAISED}
    assert raised == silent == set(all_detectors()) - {"not_finite"}


def test_scores_in_0_to_1_mean_nothing_where_the_loss_takes_no_logits():
    rows = {"probe__score_lowest": 0.1, "probe__score_highest": 0.9}
    found = diagnosed(evidence(rows, logits=False), BOUNDS)
    assert found.names == [] and "sigmoid_before_logits" in found.not_asked


def test_how_far_weights_moved_is_asked_only_where_it_is_known():
    """One look at networks knows no later update: initial values at their ends are enough."""
    rows = {"probe__saturated": 0.95, "probe__moved_D": np.nan}
    assert diagnosed(evidence(rows), BOUNDS).names == ["badly_scaled_weights"]


def test_without_scores_a_low_loss_of_g_is_taken_for_no_quality():
    rows = {"g__adversarial": 0.02, "d__fake": 4.0}
    assert diagnosed(evidence(rows, scores=None), BOUNDS).names == ["fooled_discriminator"]


@pytest.mark.parametrize(
    ("bound", "rows"),
    [
        ({"gap": 0.1}, "critic_blow_up"), ({"recall": 0.9}, "mode_collapse"), ({"bend": 0.025}, "no_hidden_activation"),
        ({"cosine": -1.0}, "idle_player"), ({"steepness": 1.0}, "vanishing_gradients"),
    ],
)  # fmt: skip
def test_the_bounds_are_those_of_params(bound, rows):
    assert diagnosed(evidence(), Diagnosis(**bound)).names == [rows]
