"""What an edit of params.yaml reruns, told by the real dvc on a toy study."""

import json

import pytest
from toy_study import ALL, BOTH

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def comparison(study) -> dict:
    return json.loads((study.root / "artifacts/comparison/digits.json").read_text())


def test_where_mlflow_is_not_installed_everything_else_works(finished):
    assert (finished.root / "reports/index.html").exists()
    assert not (finished.root / "mlflow.db").exists()


def test_nothing_edited_nothing_runs(study):
    assert study.repro().stages == set()


def test_a_comment_and_a_new_unused_variant_run_only_the_check(study):
    study.edit(lambda p: p["variants"].update(mine=dict(p["variants"]["gan"], n_critic=2)))
    with (study.root / "params.yaml").open("a") as file:
        file.write("# a comment\n")
    assert study.repro().stages == {"check"}


def test_a_variants_block_retrains_it_alone_and_reverting_trains_nothing(study):
    before, trained = study.bytes(), study.record()["trained"]
    study.edit(lambda p: p["variants"]["gan"].update(n_critic=2))
    reran = study.repro()
    assert reran.trained == reran.scored == BOTH
    cell = {"train@digits-gan", "evaluate@digits-gan"}
    assert reran.stages == {"check", *cell, "timing@digits", "compare@digits", "report"}
    assert study.bytes() != before
    study.edit(lambda p: p["variants"]["gan"].update(n_critic=1))
    reverted = study.repro("compare")
    assert study.bytes() == before
    assert study.record()["trained"] == trained
    assert "train@digits-wgan" not in reverted.stages


def test_a_seed_added_trains_and_scores_that_seed_alone(study):
    study.edit(lambda p: p["compare"].update(seeds=[0, 1, 2]))
    reran = study.repro("evaluate")
    assert reran.trained == reran.scored == {"gan/seed-2", "wgan/seed-2"}


def test_a_seed_removed_trains_and_scores_nothing_and_leaves_every_table(study):
    study.edit(lambda p: p["compare"].update(seeds=[0]))
    reran = study.repro()
    assert reran.trained == reran.scored == set()
    assert {"compare@digits", "report"} <= reran.stages
    found = comparison(study)
    assert {row["seed"] for row in found["times"]} == {0}
    assert {row["n"] for row in found["comparisons"]} == {1}
    assert not list((study.root / "artifacts").glob("*/digits/*/seed-1*"))


def test_a_variant_removed_runs_compare_and_report_and_leaves_every_table(study):
    study.edit(lambda p: p["compare"].update(variants=["wgan"]))
    reran = study.repro()
    assert reran.stages == {"check", "timing@digits", "compare@digits", "report"}
    results = (study.root / "reports/results.csv").read_text()
    assert "wgan" in results and ",gan," not in results
    assert not list((study.root / "artifacts").glob("*/digits/gan"))


def test_variants_in_another_order_run_only_compare_and_report(study):
    study.edit(lambda p: p["compare"].update(variants=["wgan", "gan"]))
    assert study.repro().stages == {"check", "compare@digits", "report"}


def test_the_threshold_compares_again_and_scores_nothing(study):
    study.edit(lambda p: p["datasets"]["digits"]["threshold"].update(tau75=0.5))
    assert study.repro("compare").stages == {"check", "compare@digits"}
    assert comparison(study)["thresholds"]["tau75"] == 0.5


def test_evaluate_edited_trains_nothing(study):
    study.edit(lambda p: p["evaluate"].update(neighbours=4))
    reran = study.repro("evaluate", "calibrate")
    assert (reran.trained, reran.scored) == (set(), ALL)
    assert not reran.stage_names & {"prepare", "features", "train"}
    assert "calibrate@digits" in reran.stages


def test_an_edit_of_the_train_block_retrains_but_prepares_nothing(study):
    study.edit(lambda p: p["datasets"]["digits"]["networks"]["G"].update(width=5))
    reran = study.repro("evaluate", "calibrate")
    assert reran.trained == reran.scored == ALL
    assert not reran.stage_names & {"prepare", "features", "calibrate"}


def test_the_report_edited_runs_only_the_report(study):
    study.edit(lambda p: p["report"].update(dpi=60))
    assert study.repro().stages == {"check", "report"}
