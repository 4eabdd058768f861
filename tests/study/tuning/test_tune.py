"""Equal tuning: the same samples and budget for every arm, the same file however often it was killed."""

import math
from dataclasses import replace

import pytest
import torch
from toy_study import TINY_NETWORKS, TINY_TRAIN, write, write_prepared

from ganspeed.compare.times import RunCurve, log_area
from ganspeed.errors import UserError
from ganspeed.params.blocks import Knob, TuningArm
from ganspeed.params.load import load_params
from ganspeed.params.variants import parse_variant
from ganspeed.scoring.train_classifier import build
from ganspeed.study.tuning import score, tune
from ganspeed.study.tuning.score import trial_score
from ganspeed.study.tuning.trials import plan_trials, sample_values
from ganspeed.study.tuning.tune import run_tuning, score_trials
from ganspeed.system.files import read_json
from ganspeed.types import RunFacts
from ganspeed.workspace import Workspace

RATES = {"lr_g": Knob(low=1e-4, high=1e-2, log=True), "lr_d": Knob(low=1e-4, high=1e-2, log=True)}
CLIP = {"clip": Knob(low=0.01, high=0.2, log=False)}
WARM_START = {"steps": 3, "updates": 2, "every": 0}


FACTS = {"status": "completed", "diverged_at": None, "device": "cpu", "engine": "eager", "precision": "float32",
         "versions": {"torch": "2"}, "batch_size": 8, "grid_ratio": 1.2, "n_critic": 1, "variant": {}}  # fmt: skip


def quiet(specs):
    return []


@pytest.fixture(scope="module")
def study(shipped, tmp_path_factory):
    """(workspace, document): digits prepared, a classifier hardly trained, two arms of three trials."""
    import copy

    root, document = tmp_path_factory.mktemp("tuning"), copy.deepcopy(shipped)
    digits = document["datasets"]["digits"]
    digits["networks"] = TINY_NETWORKS
    digits["train"] |= TINY_TRAIN
    digits["features"] |= {"epochs": 1, "width": 4, "min_accuracy": 0.05}
    digits["evaluate"]["samples"] = 400
    document["evaluate"] |= {"kid_subsets": 2, "kid_subset_size": 50, "manifold_samples": 200}
    document["tuning"] |= {"trials": 3, "seeds": [900, 901], "updates": 12}
    arms = document["tuning"]["arms"]
    document["tuning"]["arms"] = {name: arms[name] for name in ("gan_tuned", "wgan_tuned")}
    workspace = write_prepared(document, root)
    parsed = load_params(workspace.params)
    out = workspace.features("digits")
    build("digits", parsed.datasets["digits"].features, workspace.prepared("digits"), out, torch.device("cpu"))
    return workspace, parsed


@pytest.fixture
def one_worker(monkeypatch):
    monkeypatch.setenv("GANSPEED_WORKERS", "1")


def test_shared_knobs_are_the_same_in_every_arm_for_any_number_of_trials():
    for number in range(5):
        shared, more = sample_values(RATES, {}, 0, number), sample_values(RATES, CLIP, 0, number)
        assert {k: more[k] for k in RATES} == shared
    assert sample_values(RATES, CLIP, 0, 3) == sample_values(RATES, CLIP, 0, 3)
    assert len({sample_values(RATES, {}, 0, k)["lr_g"] for k in range(50)}) > 45
    assert sample_values(RATES, {}, 1, 0) != sample_values(RATES, {}, 0, 0)


def test_samples_cover_their_range_and_have_four_digits():
    sampled = [sample_values(RATES, CLIP, 0, k) for k in range(300)]
    exponents = sorted(math.log10(values["lr_g"]) for values in sampled)
    clips = sorted(values["clip"] for values in sampled)
    assert exponents[150] == pytest.approx(-3, abs=0.2) and -4 <= exponents[0] < -3.9 and -2.1 < exponents[-1] <= -2
    assert clips[150] == pytest.approx(0.105, abs=0.02) and 0.01 <= clips[0] < 0.02 and 0.19 < clips[-1] <= 0.2
    assert all(float(f"{v:.4g}") == v for values in sampled for v in values.values())


def test_half_the_updates_lower_the_score_by_log_2_times_the_fall():
    """A straight fall on log axes over the middle of the window: the area moves as the curve does."""

    def curve(u, factor=1.0):
        x = (math.log(factor * u) - math.log(10)) / math.log(10)  # from 10 to 100 updates
        return 100.0 * 10 ** -min(1.0, max(0.0, x))

    updates = tuple(sorted({round(1.02**k) for k in range(500)}))
    facts = RunFacts(updates=updates[-1], **FACTS)
    slow, fast = (
        log_area(RunCurve("v", 0, updates, tuple(curve(u, factor) for u in updates), facts)) for factor in (1.0, 2.0)
    )
    assert slow - fast == pytest.approx(math.log(2) * math.log(10) / math.log(updates[-1]), rel=0.02)


def test_every_arm_has_the_same_budget_and_its_own_variant(study):
    workspace, parsed = study
    trials = plan_trials(workspace, parsed, "digits")
    runs = {arm: [s for t in trials if t.arm == arm for s in t.specs] for arm in parsed.tuning.arms}
    assert {arm: len(specs) for arm, specs in runs.items()} == {"gan_tuned": 6, "wgan_tuned": 6}
    assert {s.parameters["train"]["updates"] for specs in runs.values() for s in specs} == {12}
    assert {s.parameters["variant"]["objective"] for s in runs["wgan_tuned"]} == {"wgan"}
    published = parsed.variants["wgan"].resolved()
    for trial in trials:
        if trial.arm == "wgan_tuned":
            assert set(trial.values) == {"lr_g", "lr_d", "half_life", "clip"}
            rest = {k: v for k, v in trial.block.items() if k not in ("clip", "optimizer")}
            assert rest == {k: v for k, v in published.items() if k not in ("clip", "optimizer")}
            assert (
                trial.block["optimizer"]["lr_g"] == trial.values["lr_g"] and trial.block["clip"] == trial.values["clip"]
            )


def test_trials_have_the_networks_and_batches_of_their_arms_variant(study):
    workspace, parsed = study
    own = {"networks": {"D": {"norm": "spectral"}}, "batches": {"D": 16}, "warm_start": WARM_START}
    spectral = parse_variant(parsed.variants["gan"].resolved() | own)
    arms = {"gan_spectral_tuned": TuningArm(variant="gan_spectral", own={})} | parsed.tuning.arms
    changes = {"variants": {**parsed.variants, "gan_spectral": spectral}}
    changes["tuning"] = parsed.tuning.model_copy(update={"arms": arms, "trials": 1})
    trials = plan_trials(workspace, parsed.model_copy(update=changes), "digits")
    specs = {trial.arm: trial.specs[0] for trial in trials}
    norms = {arm: spec.networks.D.norm for arm, spec in specs.items()}
    assert norms == {"gan_spectral_tuned": "spectral", "gan_tuned": "none", "wgan_tuned": "none"}
    method = specs["gan_spectral_tuned"].variant_block
    assert (method.batches.D, method.warm_start.steps) == (16, 3)


def test_values_of_a_trial_that_are_refused_are_a_sentence(study):
    workspace, parsed = study
    own = {"floor": Knob(low=20.0, high=30.0, log=False)}  # above lambda_0, past the check
    arms = {"iterative_tuned": TuningArm(variant="iterative", own=own)}
    odd = parsed.model_copy(update={"tuning": parsed.tuning.model_copy(update={"arms": arms})})
    with pytest.raises(UserError, match=r"tuning.arms.iterative_tuned: the values of trial 0 are refused: floor 2"):
        plan_trials(workspace, odd, "digits")


def test_a_schedule_that_ends_after_the_trials_is_refused(study):
    workspace, parsed = study
    block = parsed.variants["wgan"].resolved()
    block["optimizer"]["schedule"] = {"name": "warmup", "updates": 13}
    late = parsed.model_copy(update={"variants": {**parsed.variants, "wgan": parse_variant(block)}})
    words = r"variants.wgan.optimizer.schedule.updates: 13 is not <= tuning.updates, which is 12; arm wgan_tuned starts"
    with pytest.raises(UserError, match=words):
        plan_trials(workspace, late, "digits")


def test_killed_and_restarted_it_writes_the_same_file_training_none_twice(study, one_worker, monkeypatch):
    workspace, parsed = study
    assert run_tuning(workspace, parsed, "digits", quiet) == 6
    out = workspace.tuning("digits")
    written = (out.read_bytes(), out.with_suffix(".csv").read_bytes())
    assert run_tuning(workspace, parsed, "digits", quiet) == 0

    out.unlink()  # as if killed before the last line: every trial is in the storage, nothing is trained or scored
    monkeypatch.setattr(tune, "score_trials", lambda trials: pytest.fail("scored again"))
    assert run_tuning(workspace, parsed, "digits", quiet) == 0
    assert (out.read_bytes(), out.with_suffix(".csv").read_bytes()) == written
    out.with_suffix(".csv").write_text("")  # so it is where its table was cut
    assert run_tuning(workspace, parsed, "digits", quiet) == 0
    assert (out.read_bytes(), out.with_suffix(".csv").read_bytes()) == written
    monkeypatch.undo()
    monkeypatch.setenv("GANSPEED_WORKERS", "1")

    out.unlink()  # killed while scoring, two trials recorded, in another order
    workspace.trials("digits").unlink()
    straight = score_trials

    class Killed(Exception):  # noqa: N818
        pass

    def cut(trials):
        yield from straight(trials[::-1][:2])
        raise Killed

    monkeypatch.setattr(tune, "score_trials", cut)
    with pytest.raises(Killed):
        run_tuning(workspace, parsed, "digits", quiet)
    monkeypatch.setattr(tune, "score_trials", straight)
    monkeypatch.setattr("ganspeed.runs.train._train_group", lambda item: pytest.fail("trained again"))
    assert run_tuning(workspace, parsed, "digits", quiet) == 4
    assert (out.read_bytes(), out.with_suffix(".csv").read_bytes()) == written


def test_what_is_chosen_is_the_lowest_score_of_its_arm(study, one_worker):
    import pandas as pd

    workspace, parsed = study
    run_tuning(workspace, parsed, "digits", quiet)
    rows, record = pd.read_csv(workspace.tuning("digits").with_suffix(".csv")), read_json(workspace.tuning("digits"))
    assert record["trials"] == {"gan_tuned": 3, "wgan_tuned": 3}
    assert record["budget"] == {"trials": 3, "seeds": [900, 901], "updates": 12, "split": "val"}
    for arm, chosen in record["chosen"].items():
        mine = rows[rows["arm"] == arm].set_index("trial")
        assert mine["score"].idxmin() == chosen["trial"]
        assert mine["score"].to_numpy() == pytest.approx((mine["seed_900"] + mine["seed_901"]).to_numpy() / 2)
        assert mine.loc[chosen["trial"], "lr_g"] == chosen["block"]["optimizer"]["lr_g"]


def test_more_trials_score_the_new_ones_alone(study, one_worker):
    workspace, parsed = study
    run_tuning(workspace, parsed, "digits", quiet)
    more = parsed.model_copy(update={"tuning": parsed.tuning.model_copy(update={"trials": 4})})
    assert run_tuning(workspace, more, "digits", quiet) == 2
    assert run_tuning(workspace, parsed, "digits", quiet) == 0


def test_a_grid_is_resumed_and_says_so_in_its_record(study, one_worker, monkeypatch):
    """A grid of eight, from two values of each of three knobs; killed once four are recorded."""
    workspace, parsed = study
    arms = {"gan_tuned": parsed.tuning.arms["gan_tuned"]}
    changes = {"search": "grid", "trials": 9, "seeds": (900,), "arms": arms}
    grid = parsed.model_copy(update={"tuning": parsed.tuning.model_copy(update=changes)})
    straight = score_trials

    class Killed(Exception):  # noqa: N818
        pass

    def cut(trials):
        yield from straight(trials[:4])
        raise Killed

    monkeypatch.setattr(tune, "score_trials", cut)
    with pytest.raises(Killed):
        run_tuning(workspace, grid, "digits", quiet)
    monkeypatch.setattr(tune, "score_trials", straight)
    assert run_tuning(workspace, grid, "digits", quiet) == 4
    assert run_tuning(workspace, grid, "digits", quiet) == 0
    record = read_json(workspace.tuning("digits"))
    assert record["trials"] == {"gan_tuned": 8}
    assert record["budget"] == {"trials": 9, "seeds": [900], "updates": 12, "split": "val", "search": "grid"}


def test_a_diverged_run_counts_as_its_worst_snapshot(study, monkeypatch):
    workspace, parsed = study
    trial = plan_trials(workspace, parsed, "digits")[0]
    run_tuning(workspace, parsed, "digits", quiet)
    task = trial.val_runs.task(trial.specs[0], 0)
    healthy, flag = trial_score(task)
    task = replace(task, record=replace(task.record, status="diverged", diverged_at=1))
    bad, diverged = trial_score(task)
    assert (flag, diverged) == (False, True) and bad > healthy
    rows = ("0,cfid,5.0", "1,cfid,90.0", "1,ckid,99.0", "3,cfid,2.0")
    cell = f"{task.dataset},{task.variant},{task.seed}"
    table = "\n".join(["dataset,variant,seed,update,metric,value", *(f"{cell},{row}" for row in rows)])
    monkeypatch.setattr(score, "score_task", lambda task: table)
    assert trial_score(task) == (math.log(90.0), True)


def test_an_unprepared_data_set_is_refused(study, tmp_path):
    _, parsed = study
    with pytest.raises(UserError, match=r"manifest.json: no such file"):
        run_tuning(Workspace(tmp_path), parsed, "digits", quiet)


def test_without_an_arm_there_is_nothing_to_tune(document, tmp_path):
    document["tuning"]["arms"] = {}
    workspace = write(document, tmp_path)
    with pytest.raises(UserError, match="tuning.arms: {} is nothing to tune"):
        run_tuning(workspace, load_params(workspace.params), "digits", None)
