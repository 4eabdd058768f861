"""A log of losses as people keep it: its columns by any of their names, and what losses alone decide."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from ganspeed import cli
from ganspeed.diagnosis import diagnosed
from ganspeed.diagnosis.loss_log import evidence_of_log, history_of_log
from ganspeed.errors import UserError
from ganspeed.params.blocks import Diagnosis

STEPS = np.arange(10, 510, 10)
WAVE = np.sin(STEPS) / 20


def names_of(log) -> list[str]:
    return diagnosed(evidence_of_log(log), Diagnosis()).names


def test_names_of_columns_are_understood_in_any_case():
    log = pd.DataFrame(
        {"Iteration": STEPS, "Loss-D": 1.0, "G Loss": 2.0, "d_loss.real": 0.4, "errD_fake": 0.6, "note": "x"}
    )
    history = history_of_log(log)
    assert list(history) == ["update", "d_loss", "g_loss", "d/real", "d/fake", "g/adversarial"]
    assert history["update"].tolist() == STEPS.tolist()


def test_rows_are_counted_where_no_column_counts_up():
    log = {"epoch": [0, 0, 1, 1], "batch": [0, 1, 0, 1], "d_loss": [1.0, 1, 1, 1]}
    assert history_of_log(log)["update"].tolist() == [1, 2, 3, 4]
    assert history_of_log(log | {"step": [5, 6, 7, 9]})["update"].tolist() == [5, 6, 7, 9]


def test_the_loss_of_d_is_the_sum_of_its_parts():
    assert history_of_log({"d_loss_real": [1.0, 2.0], "d_loss_fake": [3.0, 4.0]})["d_loss"].tolist() == [4.0, 6.0]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"epoch": [1], "accuracy": [0.5]}, "history: no column of losses among 'epoch', 'accuracy'; known are update"),
        ({"d_loss": [1.0], "loss_d": [1.0]}, "history: columns 'd_loss' and 'loss_d' both are d_loss"),
        ({"d_loss": [1.0, "high"]}, "history: column d_loss: 'high' is not a number"),
        ({"d_loss": []}, "history: no rows"),
        ({"d_loss": [1.0], "g_loss": [1.0, 2.0]}, "history: "),
    ],
)
def test_what_is_no_log_is_refused_with_what_was_seen(log, words):
    with pytest.raises(UserError, match=re.escape(words)):
        evidence_of_log(log)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("", "not readable as CSV"), ("a\n1,2,3\n1", "csv")]
)
def test_a_file_that_is_no_log_is_named(content, words, tmp_path):
    path = tmp_path / "losses.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"{re.escape(str(path))}.*{words}|{words}"):
        evidence_of_log(path)


def test_a_healthy_log_has_no_finding():
    healthy = {"step": STEPS, "d_loss": 1.2 + WAVE, "g_loss": 0.9 + WAVE, "d_loss_real": 0.6 + WAVE, "d_loss_fake": 0.6}
    assert names_of(healthy) == []


@pytest.mark.parametrize("scale", [1, 0.5])
def test_a_sigmoid_before_logits_is_seen_in_losses_at_their_floor(scale):
    """D's loss may be the sum or the mean of its two terms."""
    log = {"step": STEPS, "d_loss": scale * (1.0066 + abs(WAVE)), "g_loss": 0.66 + WAVE / 2}
    (finding,) = diagnosed(evidence_of_log(log), Diagnosis())
    assert finding.name == "sigmoid_before_logits" and "a D that has learned little yet" in finding.means
    assert names_of(log | {"g_loss": 0.68 + WAVE}) == []  # above ln 2 now and then
    assert names_of(log | {"d_loss": 0.4 + abs(WAVE)}) == []  # below the floor of a mean as well


def test_a_loss_of_g_near_0_beside_a_d_that_errs_on_fakes_is_found():
    log = {"step": STEPS, "d_loss_real": 0.5, "d_loss_fake": np.where(STEPS > 300, 5.0, 0.6)}
    found = diagnosed(evidence_of_log(log | {"g_loss": np.where(STEPS > 300, 0.01, 0.9)}), Diagnosis())
    assert [(finding.name, finding.since) for finding in found] == [("fooled_discriminator", 310)]


def test_a_loss_of_g_near_0_is_found_beside_a_d_that_is_worse_than_chance():
    """As people log it: one loss for each player, and D's keeps rising."""
    log = {"step": STEPS, "d_loss": 1.2 + STEPS / 200, "g_loss": np.where(STEPS > 300, 0.01, 0.9)}
    found = diagnosed(evidence_of_log(log), Diagnosis())
    assert [(finding.name, finding.since) for finding in found] == [("fooled_discriminator", 310)]
    assert names_of(log | {"d_loss": np.full(len(STEPS), 1.38)}) == names_of(log | {"g_loss": -1.0 - STEPS / 50}) == []


def test_a_hinge_loss_at_chance_is_no_g_that_fools():
    """Scores near 0 of all images: D's loss is 2, G's 0."""
    assert names_of({"step": STEPS, "d_loss": 2.05 + WAVE, "g_loss": 0.05 + WAVE / 2}) == []


@pytest.mark.parametrize("column", ["wasserstein", "d_loss"])
def test_a_critic_without_bounds_is_found(column):
    log = {"step": STEPS, column: -np.exp(STEPS / 20)}
    assert names_of(log) == ["critic_blow_up"]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_not_finite_is_found_since_its_first_row(value, tmp_path):
    lines = [f"{s},{1.0 if s < 300 else value},0.9" for s in STEPS]
    (tmp_path / "losses.csv").write_text("\n".join(["step,d_loss,g_loss", *lines]))
    (finding,) = diagnosed(evidence_of_log(tmp_path / "losses.csv"), Diagnosis())
    assert (finding.name, finding.since) == ("not_finite", 300)


def test_empty_cells_between_others_are_no_values_that_are_not_finite():
    g_loss = [0.9 if i % 5 == 0 else np.nan for i in range(len(STEPS))]
    assert names_of({"step": STEPS, "d_loss": 1.2 + WAVE, "g_loss": g_loss}) == []


def test_losses_that_are_nan_from_the_first_row_on_are_found():
    nan = [np.nan] * len(STEPS)
    (finding,) = diagnosed(evidence_of_log({"step": STEPS, "d_loss": nan, "g_loss": nan}), Diagnosis())
    assert (finding.name, finding.since) == ("not_finite", 10)
    assert names_of({"step": STEPS, "d_loss": nan, "g_loss": 0.9 + WAVE}) == []


def test_losses_that_end_in_nan_are_found_after_a_row_before_training():
    log = {"step": [0, *STEPS], "d_loss": [np.nan, *np.where(STEPS < 300, 1.2, np.nan)]}
    (finding,) = diagnosed(evidence_of_log(log), Diagnosis())
    assert (finding.name, finding.since) == ("not_finite", 300)


def test_losses_may_be_tensors_as_training_loops_collect_them():
    losses = [torch.tensor(1.5, requires_grad=True), torch.tensor(1.25)]
    assert history_of_log({"d_loss": losses})["d_loss"].tolist() == [1.5, 1.25]


@pytest.mark.parametrize("last", ["510", "510,1.2"])
def test_a_last_line_that_is_still_being_written_is_left_out(last, tmp_path):
    lines = [f"{step},1.2,0.9" for step in STEPS]
    (tmp_path / "losses.csv").write_text("\n".join(["step,d_loss,g_loss", *lines, last]))
    assert names_of(tmp_path / "losses.csv") == []
    assert evidence_of_log(tmp_path / "losses.csv").end == 500


def test_of_a_log_it_is_not_said_that_its_loss_takes_no_logits():
    found = diagnosed(evidence_of_log({"d_loss": [1.2], "g_loss": [0.9]}), Diagnosis())
    assert "it is not known whether the loss takes" in found.not_asked["sigmoid_before_logits"]


def test_the_command_reads_a_log_without_a_study(tmp_path, capsys):
    (tmp_path / "losses.csv").write_text("step,d_loss,g_loss\n" + "".join(f"{s},1.0066,0.66\n" for s in STEPS))
    assert cli.main(["--root", str(tmp_path), "diagnose", "--log", "losses.csv"]) == 0
    shown = capsys.readouterr().out
    assert "sigmoid before a with-logits loss  30" in shown and "not asked:" in shown
    assert cli.main(["--root", str(tmp_path), "diagnose", "digits", "--log", "losses.csv"]) == 2
    assert "DATASET: 'digits'; --log reads a file alone" in capsys.readouterr().err
