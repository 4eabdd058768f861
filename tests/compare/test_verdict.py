"""The verdict: each of its kinds, each guard failing alone, its wording, and how often it is wrong or right."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ganspeed.compare.compare import Clock, compare_runs
from ganspeed.compare.power import PilotModel, minimum_detectable_ratio, pilot_model, power, simulate, simulate_arm
from ganspeed.compare.records import Budget, Preregistration, StudyRecords, TuningRecord
from ganspeed.compare.statistics import sign_flip_p
from ganspeed.compare.times import RunCurve
from ganspeed.compare.verdict import differences, untuned
from ganspeed.errors import UserError
from ganspeed.params.blocks import Planned, Protocol, Timing
from ganspeed.params.datasets import Threshold
from ganspeed.params.load import parse_params
from ganspeed.params.networks import Networks, resolved
from ganspeed.training.snapshot_grid import budget, snapshot_updates
from ganspeed.types import RunFacts

UPDATES, RATIO = 400, 1.05
GRID = snapshot_updates(UPDATES, RATIO)
B = budget(UPDATES, RATIO)
THRESHOLD = Threshold(tau25=30.0, tau=20.0, tau75=10.0, tau_second=20.0)
PROTOCOL = Protocol(axis="updates", consecutive=3, references=(), planned=(Planned(new="a", reference="b"),),
                    margin=1.25, max_coverage_drop=0.02, max_extra_failures=1, equivalence=(0.8, 1.25),
                    timing=Timing(repeats=0, updates=50))  # fmt: skip
CALIBRATION = pd.DataFrame([{"row": "pixel_gaussian", "metric": "cfid", "value": 50.0, "n": 10}])
WIDTHS = {"latent": {"dim": 4}, "G": {"width": 8}, "D": {"width": 8, "hidden": 0}}
NETWORKS = resolved(Networks.model_validate(WIDTHS), 8)
PARAMETERS = {"data": {"image_size": 8}, "networks": NETWORKS.model_dump(mode="json")}
NEWER = {"neutral": {}, "flipped": {"flip": 0.1}}  # keys that gan has been given since
BLOCKS = {"a": {"objective": "one"}, "b": {"objective": "two"}}
RECORDS = StudyRecords(
    preregistration=Preregistration(
        threshold=THRESHOLD.model_dump(), updates=UPDATES, plateau=200, sd_log_time=0.15, reasons=[],
        power={"ratio": 1.5, "n": 12, "power": 0.9},
    ),
    tuning=TuningRecord(
        chosen={"a_tuned": BLOCKS["a"], "b_tuned": BLOCKS["b"]}, trials={"a_tuned": 8, "b_tuned": 8},
        budget=Budget(seeds=[900]), networks={"a_tuned": NETWORKS, "b_tuned": NETWORKS},
    ),
)  # fmt: skip


def facts(variant: str, failed: bool, **changes) -> RunFacts:
    base = {"updates": UPDATES, "grid_ratio": RATIO, "n_critic": 5, "batch_size": 64, "device": "cpu", "engine": "e"}
    base |= {"status": "diverged" if failed else "completed", "variant": BLOCKS.get(variant, {})}
    base["parameters"] = PARAMETERS
    return RunFacts(**base | {"diverged_at": None, "precision": "float32", "versions": {"torch": "2"}} | changes)


def run(
    variant, seed, time, final=5.0, coverage=0.9, failed=False, early=0.6, late=1.3, second=1.0, **changes
) -> RunCurve:
    """A run whose cfid falls to tau25, tau and tau75 at `early`, 1 and `late` times `time`; infinite: never."""
    steps = ((late * time, 9.0), (time, 15.0), (early * time, 25.0), (0, 100.0))
    curve = tuple(next(value for start, value in steps if u >= start) for u in GRID)
    curve = (*curve[:-1], final)
    other = tuple(15.0 if u >= second * time else 100.0 for u in GRID)
    return RunCurve(variant, seed, tuple(GRID), curve, facts(variant, failed, **changes), other, ((UPDATES, coverage),))


SPREAD = (1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 0.85, 1.0, 1.15, 0.9, 1.1, 1.0)


def arm(variant, time, n=12, shift=0, **options) -> list[RunCurve]:
    return [run(variant, 100 + s, time * SPREAD[(s + shift) % 12], **options) for s in range(n)]


def diverged(run: RunCurve) -> RunCurve:
    return replace(run, facts=replace(run.facts, status="diverged"))


def judged(runs, protocol=PROTOCOL, records=RECORDS, timing=None, new="a") -> dict:
    """The row that carries the verdict; what is written must be JSON without NaN."""
    result = compare_runs("digits", runs, THRESHOLD, protocol, CALIBRATION, Clock(timing or {}), records).to_json()
    json.dumps(result, allow_nan=False)
    (row,) = [r for r in result["comparisons"] if r["new"] == new and (r["axis"], r["threshold"]) == ("updates", "tau")]
    return row


def test_faster_with_its_sentence():
    row = judged(arm("a", 80, shift=3) + arm("b", 120))
    assert row["verdict"] == "FASTER" and row["reason"] is None
    assert all(guard["ok"] for guard in row["guards"].values())
    assert row["p_holm"] == row["p"] < 0.05 and 1 < row["low"] < row["ratio"] < row["high"]
    assert row["sentence"].startswith(
        f"On digits, cpu: a reached cfid ≤ 20 {row['ratio']:.2f}× sooner than b in generator updates "
        f"(95 % interval {row['low']:.2f}–{row['high']:.2f}, 12 paired seeds, Holm p "
    )
    assert "; reached 12/12 against 12/12." in row["sentence"]


def test_slower_is_faster_seen_from_the_other_side():
    runs = arm("a", 120) + arm("b", 80, shift=3)
    row = judged(runs)
    assert row["verdict"] == "SLOWER"
    assert f"{1 / row['ratio']:.2f}× later than b" in row["sentence"]
    assert f"95 % interval {1 / row['high']:.2f}–{1 / row['low']:.2f}" in row["sentence"]
    timed = judged(runs, timing={"a": 0.05, "b": 0.1})  # never "later" for an axis that says otherwise
    assert f"In training seconds the speed-up is {2 * row['ratio']:.2f}× [" in timed["sentence"]
    reverse = PROTOCOL.model_copy(update={"planned": (Planned(new="b", reference="a"),)})
    other = judged(runs, reverse, new="b")
    assert other["verdict"] == "FASTER" and other["guards"] == row["guards"]


GUARDS = {
    "final_cfid": {"final": 7.0},
    "coverage": {"coverage": 0.87},
    "failures": {"failed": True},
    "tau25": {"early": 0.95},
    "tau75": {"late": 2.5},
    "second": {"second": 2.0},
}


@pytest.mark.parametrize("name", GUARDS)
def test_each_guard_fails_alone_and_is_named(name):
    reference = {"early": 0.61} if name == "tau25" else {}
    runs = arm("a", 80, shift=3, **GUARDS[name]) + arm("b", 120, **reference)
    row = judged(runs)
    assert row["verdict"] == f"FASTER, GUARD FAILED: {name}"
    assert [guard for guard, found in row["guards"].items() if not found["ok"]] == [name]
    assert "The guards fail for a: " in row["sentence"]
    mirrored = [replace(r, variant={"a": "b", "b": "a"}[r.variant], facts=replace(r.facts, variant={})) for r in runs]
    tuning = replace(RECORDS.tuning, chosen={"x": {}}, trials={"x": 1}, networks={"x": NETWORKS})
    blank = replace(RECORDS, tuning=tuning)
    assert judged(mirrored, records=blank)["verdict"] == f"SLOWER, GUARD FAILED: {name}"


def test_guards_hold_at_their_bounds():
    """Two failures more fail, one passes; a drop of .02 passes; a final cfid 1.25 times as high fails."""
    slow = arm("b", 120)
    one = arm("a", 80, shift=3)
    one[0] = diverged(one[0])
    assert judged(one + slow)["verdict"] == "FASTER"
    one[1] = diverged(one[1])
    assert judged(one + slow)["verdict"] == "FASTER, GUARD FAILED: failures"
    assert judged(arm("a", 80, shift=3, coverage=0.88) + slow)["verdict"] == "FASTER"
    assert judged(arm("a", 80, shift=3, final=6.2) + slow)["verdict"] == "FASTER"
    assert judged(arm("a", 80, shift=3, final=6.25) + slow)["verdict"] == "FASTER, GUARD FAILED: final_cfid"


def test_a_value_that_is_not_finite_fails_its_guard():
    row = judged(arm("a", 80, shift=3, final=math.inf, coverage=math.nan) + arm("b", 120))
    assert row["verdict"] == "FASTER, GUARD FAILED: final_cfid, coverage"
    assert row["guards"]["final_cfid"]["value"] is None


def test_holm_takes_a_claim_away_that_would_stand_alone():
    """p between .025 and .05: one comparison claims, two of them do not; a planned arm without runs counts too."""
    times = [100 * f for f in (1, 1, 1, 1, 1, 1, 1, 1)]
    slower = [130, 125, 120, 119, 118, 117, 116, 95]
    runs = [run("a", s, t) for s, t in enumerate(times)] + [run("b", s, t) for s, t in enumerate(slower)]
    alone = judged(runs)
    assert 0.005 < alone["p"] < 0.05 and alone["verdict"] == "FASTER"
    family = (Planned(new="a", reference="b"), *(Planned(new=f"absent_{i}", reference="b") for i in range(9)))
    row = judged(runs, PROTOCOL.model_copy(update={"planned": family}))
    assert row["p_holm"] == pytest.approx(min(1, 10 * row["p"])) and row["verdict"] == "NO EVIDENCE"


def test_equivalent_only_if_the_interval_plus_a_step_of_the_grid_fits():
    same = arm("a", 100, shift=1) + arm("b", 100)
    row = judged(same)
    assert row["verdict"] == "EQUIVALENT" and row["low"] <= 1 <= row["high"]
    assert row["step"] == pytest.approx(1.05, rel=0.01)
    assert "equivalent in the generator updates to cfid ≤ 20" in row["sentence"]
    least, most = row["low"] / row["step"], row["high"] * row["step"]
    assert least > 0.8 and most < 1.25
    for bounds, verdict in (
        ((least - 0.001, most + 0.001), "EQUIVALENT"),
        ((least + 0.001, 2.0), "NO EVIDENCE"),
        ((0.5, most - 0.001), "NO EVIDENCE"),
    ):
        assert judged(same, PROTOCOL.model_copy(update={"equivalence": bounds}))["verdict"] == verdict


def test_no_evidence_names_the_ratio_that_would_have_been_found():
    runs, narrow = arm("a", 100, shift=5) + arm("b", 102), PROTOCOL.model_copy(update={"equivalence": (0.95, 1.05)})
    row, found = judged(runs, narrow), minimum_detectable_ratio(12, 0.15)
    assert row["verdict"] == "NO EVIDENCE"
    assert row["reason"] == f"the smallest ratio that 12 seeds find with 80 % power is {found:.3g}"
    row = judged(runs, narrow, replace(RECORDS, preregistration=None))
    assert row["reason"].endswith("is unknown without a pilot")
    family = (Planned(new="a", reference="b"), *(Planned(new=f"absent_{i}", reference="b") for i in range(999)))
    row = judged(runs, narrow.model_copy(update={"planned": family}))
    assert row["reason"] == "12 seeds are too few to find any ratio in a family of this size"


def test_at_least_when_only_the_reference_misses_the_threshold():
    runs = arm("a", 80) + arm("b", 120, n=10) + [run("b", s, math.inf) for s in (110, 111)]
    row = judged(runs)
    assert row["verdict"] == "NO EVIDENCE" and row["reached_reference"] == 10
    assert row["reason"] == "b reached tau in fewer than 90 % of the seeds"
    assert f"the speed-up is at least {row['ratio']:.2f}×" in row["sentence"]


def test_means_and_counts_when_the_new_arm_misses_the_threshold():
    runs = arm("a", 80, n=10) + [run("a", s, math.inf) for s in (110, 111)] + arm("b", 120)
    row = judged(runs)
    assert row["verdict"] == "NO EVIDENCE" and "at least" not in row["sentence"]
    assert (row["wins"], row["ties"], row["losses"]) == (10, 0, 2)
    assert row["rmst_new"] == pytest.approx((sum(_time(r) for r in runs[:10]) + 2 * B) / 12)
    assert "10 wins, 0 ties, 2 losses; reached 10/12 against 12/12." in row["sentence"]


def _time(run: RunCurve) -> int:
    return next(u for u, value in zip(run.updates, run.cfid, strict=True) if value <= 20)


def test_exactly_ninety_percent_is_enough():
    runs = arm("a", 80, n=10) + arm("b", 120, n=9) + [run("b", 109, math.inf)]
    assert judged(runs)["verdict"] == "FASTER"


@pytest.mark.parametrize(("runs", "words"), [
    ([run(v, s, math.inf, final=100.0) for v in "ab" for s in range(12)], "a and b reached tau in fewer than 90 %"),
    ([run(v, s, 100) for v in "ab" for s in range(12)], "all 12 pairs tie"),
    ([run(v, 0, 100) for v in "ab"], "fewer than 8 seeds: 1"),
    ([run(v, s, 100) for v in "ab" for s in range(7)], "fewer than 8 seeds: 7"),
    ([RunCurve(v, s, (0,), (100.0,), facts(v, True), (100.0,), ((0, 0.0),)) for v in "ab" for s in range(12)],
     "a and b reached tau in fewer than 90 %"),
    ([RunCurve(v, s, (0,), (math.nan,), facts(v, True), (math.nan,)) for v in "ab" for s in range(12)],
     "a and b reached tau in fewer than 90 %"),
])  # fmt: skip
def test_what_shows_nothing_is_worded_and_never_an_error(runs, words):
    row = judged(runs)
    assert row["verdict"] == "NO EVIDENCE" and words in row["reason"]
    assert row["sentence"].startswith("On digits, cpu: no evidence of a difference between a and b")
    assert words in row["sentence"]


@pytest.mark.parametrize(("changes", "reason"), [
    ({"plateau": None}, "the pilot found no plateau"),
    ({"plateau": None, "reasons": ["no plateau in 2,400 updates"]}, "no plateau in 2,400 updates"),
    ({"reasons": ["tau is too weak"]}, "tau is too weak"),
    ({"reasons": ["a pilot run diverged"], "sd_log_time": None, "power": None}, "a pilot run diverged"),
])  # fmt: skip
def test_a_demo_by_its_preregistration_shows_nothing(changes, reason):
    records = replace(RECORDS, preregistration=replace(RECORDS.preregistration, **changes))
    row = judged(arm("a", 80) + arm("b", 120), records=records)
    assert (row["verdict"], row["reason"]) == ("NO EVIDENCE", f"the study is a demo: {reason}")


def test_a_threshold_that_a_gaussian_of_pixels_meets_shows_nothing():
    weak = CALIBRATION.assign(value=20.0)
    runs = arm("a", 80) + arm("b", 120)
    result = compare_runs("digits", runs, THRESHOLD, PROTOCOL, weak, Clock(), RECORDS).to_json()
    assert result["demo"] == ["tau 20 is not below the pixel-Gaussian row 20"]
    assert {row["verdict"] for row in result["comparisons"]} == {None, "NO EVIDENCE"}


@pytest.mark.parametrize("tuning", [
    None,
    replace(RECORDS.tuning, chosen={"a": BLOCKS["a"], "b": {"objective": "another"}}),
    replace(RECORDS.tuning, trials={"a_tuned": 8, "b_tuned": 9}),
])  # fmt: skip
def test_untuned_arms_get_no_verdict(tuning):
    row = judged(arm("a", 80) + arm("b", 120), records=replace(RECORDS, tuning=tuning))
    assert row["verdict"] is None and row["planned"] and row["reason"].startswith("untuned: ")
    assert "exploratory" in row["sentence"] and "sooner" not in row["sentence"]


def test_a_variant_is_tuned_by_its_block_and_not_by_its_name(document):
    document["variants"]["again"] = document["variants"]["wgan"] | {"seed_offset": 500}
    document["variants"]["changed"] = document["variants"]["wgan"] | {"clip": 0.06}
    variants = parse_params(document).variants
    runs = {n: replace(facts(n, False), variant=variants[n].resolved()) for n in ("wgan", "again", "changed")}
    chosen, networks = {"wgan_tuned": runs["wgan"].variant}, {"wgan_tuned": NETWORKS}
    tuning = replace(RECORDS.tuning, chosen=chosen, trials={"wgan_tuned": 8}, networks=networks)
    assert untuned(runs, tuning) == ["changed"]  # a copy that only moves the seed is as tuned as its original
    assert untuned(runs, None) == list(runs)


def test_a_grids_arms_are_tuned_alike_though_not_by_as_many_trials():
    uneven = replace(RECORDS.tuning, trials={"a_tuned": 27, "b_tuned": 24})
    runs = {name: facts(name, False) for name in BLOCKS}
    assert untuned(runs, uneven) == ["a", "b"]
    assert untuned(runs, replace(uneven, budget=Budget(seeds=[900], search="grid"))) == []


def test_a_record_older_than_a_key_tunes_what_has_it_at_its_neutral_value(document):
    new = {name: parse_params(document).variants["gan"].resolved() | own for name, own in NEWER.items()}
    older = {key: value for key, value in new["neutral"].items() if key not in ("flip", "real_target")}
    assert len(older) == len(new["neutral"]) - 2
    runs = {name: replace(facts(name, False), variant=block) for name, block in new.items()}
    tuning = replace(RECORDS.tuning, chosen={"t": older}, trials={"t": 8}, networks={"t": NETWORKS})
    assert untuned(runs, tuning) == ["flipped"]


def test_a_variant_is_tuned_only_on_the_networks_that_tuning_trained():
    batch = NETWORKS.model_copy(update={"D": NETWORKS.D.model_copy(update={"norm": "batch"})})
    other = PARAMETERS | {"networks": batch.model_dump(mode="json")}
    runs = {"a": facts("a", False), "b": facts("b", False, parameters=other)}
    assert untuned(runs, RECORDS.tuning) == ["b"]
    swapped = replace(RECORDS.tuning, networks={"a_tuned": batch, "b_tuned": batch})
    assert untuned(runs, swapped) == ["a"]
    assert untuned({"a": facts("a", False, parameters={})}, RECORDS.tuning) == ["a"]
    row = judged(arm("a", 80, parameters=other) + arm("b", 120, parameters=other))
    assert (row["verdict"], row["reason"]) == (None, "untuned: a, b")


def test_a_record_of_tuning_without_networks_tunes_nothing_in_words():
    older = replace(RECORDS, tuning=replace(RECORDS.tuning, networks=None))
    row = judged(arm("a", 80) + arm("b", 120), records=older)
    assert (row["verdict"], row["reason"]) == (None, "untuned: a, b (the record of tuning names no networks)")


def test_other_axes_stand_in_the_sentence_without_a_word_of_judgement():
    runs = arm("a", 80, shift=3, n_critic=1) + arm("b", 120)
    sentence = judged(runs, timing={"a": 0.02, "b": 0.1})["sentence"]
    first, *others = sentence.split(". In ")
    assert "sooner" in first and len(others) == 2
    assert [o.split(" ")[0] for o in others] == ["critic", "training"]  # images coincide with critic updates
    assert not any(word in other for other in others for word in ("sooner", "later", "faster"))
    result = compare_runs("digits", runs, THRESHOLD, PROTOCOL, CALIBRATION, Clock(), RECORDS).to_json()
    judged_rows = [r for r in result["comparisons"] if r["verdict"] is not None]
    assert [(r["axis"], r["threshold"]) for r in judged_rows] == [("updates", "tau")]


def test_the_rule_is_pilot_only_for_what_was_frozen():
    runs = arm("a", 80) + arm("b", 120)

    def rule(records):
        return compare_runs("d", runs, THRESHOLD, PROTOCOL, CALIBRATION, Clock(), records).thresholds.rule

    frozen = RECORDS.preregistration
    assert rule(RECORDS) == "pilot"
    assert rule(replace(RECORDS, preregistration=replace(frozen, updates=401))) == "params"
    other = replace(frozen, threshold=frozen.threshold | {"tau_second": 21.0})
    assert rule(replace(RECORDS, preregistration=other)) == rule(StudyRecords()) == "params"


# How often a verdict is wrong, and how often it is right.

CORRELATED = 0.15**2 * (0.3 * np.eye(4) + 0.7)


def model(failures=0.0, spread=1.0) -> PilotModel:
    """Times around 40, 80, 120 and 80 of B = 362; seeds differ by 15 %, alike at the four thresholds."""
    covariance = np.zeros((6, 6))
    covariance[:4, :4] = spread**2 * CORRELATED
    covariance[4, 4], covariance[5, 5] = 0.05**2, 0.01**2
    mean = np.array([*np.log([40, 80, 120, 80]), math.log(5), 0.9])
    return PilotModel(mean, covariance, failures, UPDATES, RATIO)


def test_without_a_difference_the_verdict_claims_at_most_five_percent():
    """Claims are FASTER or SLOWER, with or without a guard's complaint. 6.4 %: 5 and two errors of 1000 studies."""
    rng = np.random.default_rng(2)
    studies = 1500
    pairs = [(simulate_arm(12, model(), GRID, rng), simulate_arm(12, model(), GRID, rng)) for _ in range(studies)]
    bare = sum(sign_flip_p(differences(a.times["tau"], b.times["tau"])) < 0.05 for a, b in pairs)
    verdicts = simulate(1.0, 12, model(), PROTOCOL, np.random.default_rng(3), 1, studies)
    assert 0.025 < bare / studies <= 0.064
    assert sum(v in ("FASTER", "SLOWER") for v in verdicts) / studies <= 0.05
    assert sum(v == "EQUIVALENT" for v in verdicts) / studies > 0.2  # well resolved: it often says so


def test_power_is_what_compare_finds(monkeypatch):
    """Whole studies of curves through `compare` find a planted 1.5 as often as `power` says."""
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects garbage at every call of Holm: 0.1 s a study
    noisy = model(spread=2.2)
    stated = power(1.5, 12, noisy, PROTOCOL, np.random.default_rng(4), studies=1000)
    rng, studies, found = np.random.default_rng(5), 120, 0
    for _ in range(studies):
        runs = []
        for variant, faster in (("a", 1.5), ("b", 1.0)):
            simulated = simulate_arm(12, noisy, GRID, rng, faster)
            for s in range(12):
                early, time, late, second = (
                    simulated.times[t][s][0] if simulated.times[t][s][1] else math.inf
                    for t in ("tau25", "tau", "tau75", "second")
                )
                final, coverage = math.exp(simulated.final[s]), simulated.coverage[s]
                runs.append(_curve(variant, s, early, time, late, second, final, coverage))
        found += judged(runs)["verdict"] == "FASTER"
    assert 0.3 < stated < 0.97
    assert found / studies == pytest.approx(stated, abs=2.5 * math.sqrt(stated * (1 - stated) / studies) + 0.02)


def _curve(variant, seed, early, time, late, second, final, coverage) -> RunCurve:
    """A curve that meets each threshold at its own time, where those times are in order."""
    curve = [10.0 if u >= late else 15.0 if u >= time else 25.0 if u >= early else 100.0 for u in GRID]
    other = tuple(15.0 if u >= second else 100.0 for u in GRID)
    curve[-1] = final
    return RunCurve(variant, seed, tuple(GRID), tuple(curve), facts(variant, False), other, ((UPDATES, coverage),))


def test_power_rises_with_ratio_and_seeds_and_falls_with_family_and_spread():
    def at(ratio=1.25, n=10, m=None, family=1):
        return power(ratio, n, m or model(), PROTOCOL, np.random.default_rng(6), family, studies=300)

    base = at()
    assert at(ratio=1.1) < base < at(ratio=1.5)
    assert at(n=7) < base < at(n=14)
    assert at(family=10) < base
    assert at(m=model(failures=0.1)) < base
    assert at(m=model(spread=2)) < base
    assert at(ratio=1.5, n=5) == 0  # too few seeds for any claim
    assert base == at()  # the same generator, the same number


def test_power_includes_the_guards():
    strict = PROTOCOL.model_copy(update={"margin": 1.0})
    assert power(2.0, 12, model(), PROTOCOL, np.random.default_rng(7), studies=200) > 0.95
    assert power(2.0, 12, model(), strict, np.random.default_rng(7), studies=200) < 0.1


def test_the_smallest_detectable_ratio_is_found_four_times_in_five():
    found = minimum_detectable_ratio(12, 0.2)
    rng = np.random.default_rng(8)
    rows = math.log(found) + rng.normal(0, 0.2, (1500, 12)) - rng.normal(0, 0.2, (1500, 12))
    assert np.mean([sign_flip_p(row.tolist()) < 0.05 for row in rows]) == pytest.approx(0.8, abs=0.03)
    assert minimum_detectable_ratio(12, 0.2, family=3) > found > minimum_detectable_ratio(20, 0.2) > 1
    assert minimum_detectable_ratio(5, 0.2) == math.inf
    assert minimum_detectable_ratio(6, 0.2, family=2) == math.inf  # 2/64 is the smallest p there is


def test_the_model_of_a_pilot_is_that_of_its_runs_with_a_least_spread():
    pilots = [run("b", 800 + s, time) for s, time in enumerate((90, 100, 160))]
    m = pilot_model(pilots, THRESHOLD, PROTOCOL, UPDATES, RATIO)
    logs = [math.log(_time(r)) for r in pilots]
    assert m.mean[1] == pytest.approx(np.mean(logs)) and m.sd_log_time == pytest.approx(np.std(logs, ddof=1))
    assert (m.mean[4], m.mean[5]) == pytest.approx((math.log(5), 0.9))
    assert np.sqrt(np.diag(m.covariance)[4:]) == pytest.approx([0.05, 0.01])
    assert pilot_model([pilots[0]], THRESHOLD, PROTOCOL, UPDATES, RATIO).sd_log_time == pytest.approx(0.1)
    assert pilot_model([*pilots, diverged(pilots[0])], THRESHOLD, PROTOCOL, UPDATES, RATIO).failures == 0.25
    with pytest.raises(UserError, match="all 3 pilot runs diverged"):
        pilot_model([diverged(r) for r in pilots], THRESHOLD, PROTOCOL, UPDATES, RATIO)
