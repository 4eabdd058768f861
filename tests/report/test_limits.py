"""What the report says of its own limits."""

import made_up
import pytest

from ganspeed.report.read import read_results
from ganspeed.report.sections.limits import all_limits
from ganspeed.runs.record import RunRecord

HEADING = "The same picture more than once"


@pytest.mark.parametrize("across, meaning", [(1200, "1,200 of them in another"), (0, "none of them in another")])
def test_copies_of_pictures_are_a_limit_with_their_numbers(tmp_path, across, meaning):
    workspace, params = made_up.write_study(tmp_path, duplicates={"pictures": 1300, "across_splits": across})
    limits = dict(all_limits(read_results(workspace, params)))
    assert limits[HEADING].startswith(f"On digits 1,300 of 1,797 have a copy, {meaning}")


def test_a_caution_of_the_check_is_a_limit(tmp_path, monkeypatch):
    workspace, params = made_up.write_study(tmp_path)
    results = read_results(workspace, params)
    assert "To be read with care" not in dict(all_limits(results))
    block = {"objective": "wgan", "n_critic": 1, "clip": 0.05, "optimizer": made_up.ADAM | {"betas": [0.5, 0.9]}}
    monkeypatch.setattr(RunRecord, "variant_block", block)
    limits = dict(all_limits(results))
    assert "first beta 0.5 of D's adam with weight clipping (clip 0.05)" in limits["To be read with care"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_caution_of_one_data_set_is_a_limit_that_names_it(which, tmp_path):
    workspace, params = made_up.write_study(tmp_path, datasets=("digits", "mnist"))
    everything = read_results(workspace, params)
    for run in everything[which].runs:
        networks = run.record.networks_block
        networks["G"] = networks["G"] | {"output": "sigmoid"}
    words = [text for heading, text in all_limits(everything) if heading == "To be read with care"]
    assert len(words) == len(everything[which].variants)
    assert all(text.endswith(f"(on {('digits', 'mnist')[which]}).") for text in words)


def test_a_reading_of_a_paper_is_a_limit_by_what_its_objective_declares(tmp_path, monkeypatch):
    workspace, params = made_up.write_study(tmp_path)
    results, heading = read_results(workspace, params), "Our reading, not the paper’s formula"
    assert dict(all_limits(results))[heading].startswith(
        "iterative: this project’s reading of Chen, Song and Yu (2019)"
    )
    monkeypatch.setattr(RunRecord, "objective", "agp")
    text = dict(all_limits(results))[heading]
    assert text.startswith("gan, wgan_gp and iterative: this project’s reading of Mtetwa, Ogudo and Pudaruth (2025)")
    monkeypatch.setattr(RunRecord, "objective", "wgan")
    assert heading not in dict(all_limits(results))


def test_without_copies_there_is_no_such_limit(tmp_path):
    workspace, params = made_up.write_study(tmp_path)
    assert HEADING not in dict(all_limits(read_results(workspace, params)))


@pytest.mark.parametrize(
    ("names", "heading", "words"),
    [
        (["8"], "One class alone", "Left out, since they say nothing of a single class: modes, mode_kl, code_accuracy"),
        (["1", "8"], "Some classes alone", "G is trained on '1' and '8' alone, of "),
    ],
)
def test_some_classes_are_a_limit_with_what_is_left_out(names, heading, words, tmp_path):
    workspace, params = made_up.write_study(tmp_path)
    everything = read_results(workspace, params)
    assert heading not in dict(all_limits(everything))
    everything[0].runs[0].record.data_block["classes"] = names
    assert words in dict(all_limits(everything))[heading]


def test_a_problem_is_a_limit_that_says_what_g_is_fed(tmp_path):
    workspace, params = made_up.write_study(tmp_path)
    everything = read_results(workspace, params)
    assert "Fed images" not in dict(all_limits(everything))
    everything[0].runs[0].record.train_block["problem"] = {"factor": 2, "name": "upscale"}
    text = dict(all_limits(everything))["Fed images"]
    assert "beside its noise (upscale: factor 2), in scores one of the held-out" in text
