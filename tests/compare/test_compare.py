"""Times to threshold, their pairing and the curves' areas: by hand, by symmetry, and in any order of the rows."""

import json
import math
import random
from dataclasses import replace

import made_up
import pandas as pd
import pytest

from ganspeed.compare.compare import Clock, compare_runs
from ganspeed.compare.records import StudyRecords
from ganspeed.compare.statistics import ratio
from ganspeed.compare.times import RunCurve, curves_of, grid_step, log_area, time_to_threshold, truncated
from ganspeed.compare.verdict import differences
from ganspeed.errors import UserError
from ganspeed.params.blocks import Protocol, Timing
from ganspeed.params.datasets import Threshold
from ganspeed.study.threshold_rule import find_plateau
from ganspeed.system.files import read_json
from ganspeed.training.snapshot_grid import budget, snapshot_updates
from ganspeed.types import RunFacts

GRID = tuple(snapshot_updates(100, 1.1))
THRESHOLD = Threshold(tau25=30.0, tau=20.0, tau75=10.0, tau_second=20.0)
PROTOCOL = Protocol(axis="updates", consecutive=3, references=("wgan_gp", "gan"), planned=(), margin=1.25,
                    max_coverage_drop=0.02, max_extra_failures=1, equivalence=(0.8, 1.25),
                    timing=Timing(repeats=0, updates=50))  # fmt: skip
CALIBRATION = pd.DataFrame([{"dataset": "d", "row": "floor", "metric": "cfid", "value": 0.5, "n": 10}])


def facts(**changes) -> RunFacts:
    base = {"updates": 100, "grid_ratio": 1.1, "n_critic": 5, "batch_size": 64, "device": "cpu AVX2", "engine": "eager"}
    base |= {"precision": "float32", "versions": {"torch": "2"}, "status": "completed", "variant": {}}
    return RunFacts(**base | {"diverged_at": None} | changes)


def falling(speed: float) -> tuple[float, ...]:
    return tuple(100 * math.exp(-speed * update) for update in GRID)


def compared(runs, protocol=PROTOCOL, calibration=CALIBRATION, clock=None) -> dict:
    """The comparison of these runs without records."""
    return compare_runs("d", runs, THRESHOLD, protocol, calibration, clock or Clock(), StudyRecords()).to_json()


def run(variant="wgan_gp", seed=0, cfid=None, **changes) -> RunCurve:
    curve = cfid or falling(0.05)
    return RunCurve(variant, seed, GRID, curve, facts(**changes), curve, ((0, 0.0), (100, 0.9)))


def warmed(**changes) -> RunCurve:
    """A run of gan with 10 critic steps in each of the first 10 updates, 5 in the others."""
    curve, warm = run("gan", **changes), {"warm_start": {"steps": 10, "updates": 10, "every": 0}}
    return replace(curve, facts=replace(curve.facts, variant=warm))


def test_arrival_is_the_first_of_three_in_a_row():
    cfid = [50.0, 9.0, 50.0, 9.0, 9.0, 50.0, 9.0, 9.0, 9.0, 50.0]
    r = RunCurve("v", 0, tuple(range(0, 100, 10)), tuple(cfid), facts())
    assert time_to_threshold(r, 10.0, 3) == 60
    assert time_to_threshold(r, 10.0, 1) == 10
    assert time_to_threshold(r, 10.0, 4) is None
    assert time_to_threshold(r, 9.0, 3) == 60  # at the threshold counts


def test_not_reached_counts_as_the_horizon():
    assert truncated(None, 80) == (80, False)
    assert truncated(81, 80) == (80, False)
    assert truncated(80, 80) == (80, True)
    assert run().at("images", 3) == 3 * 5 * 64


def test_speed_up_is_a_ratio_of_geometric_means():
    new, reference = [(10, True), (40, True)], [(20, True), (20, True)]
    assert ratio(differences(new, reference)) == pytest.approx(20 / math.sqrt(10 * 40))
    assert ratio(differences(reference, new)) == pytest.approx(math.sqrt(10 * 40) / 20)
    assert ratio(differences(new, new)) == 1.0


def test_twice_as_fast_is_two_on_updates_and_ten_on_d_updates():
    """gan with one critic step against wgan_gp with five, twice as fast in updates."""
    runs = [run(seed=s, cfid=falling(0.1)) for s in range(3)]
    halved = tuple(u // 2 for u in GRID)
    runs += [RunCurve("gan", s, halved, falling(0.1), facts(n_critic=1), falling(0.1)) for s in range(3)]
    rows = compared(runs)["comparisons"]
    ratio = {(r["new"], r["reference"], r["axis"]): r["ratio"] for r in rows if r["threshold"] == "tau25"}
    assert ratio["gan", "wgan_gp", "updates"] == pytest.approx(2, rel=0.1)
    assert ratio["gan", "wgan_gp", "images"] == ratio["gan", "wgan_gp", "d_updates"]
    assert ratio["gan", "wgan_gp", "d_updates"] == pytest.approx(10, rel=0.1)
    assert ratio["wgan_gp", "gan", "updates"] == pytest.approx(1 / ratio["gan", "wgan_gp", "updates"])


def test_axes_follow_updates_that_differ_in_cost():
    """Both arms arrive after as many updates; one had 10 critic steps in the first 10 of them, the other 5 in each."""
    runs = [run(seed=s) for s in range(3)] + [warmed(seed=s) for s in range(3)]
    rows = {(r["new"], r["axis"], r["threshold"]): r for r in compared(runs)["comparisons"]}
    arrival = time_to_threshold(runs[0], 30.0, 3)
    assert rows["gan", "updates", "tau25"]["ratio"] == 1 and arrival > 10
    expected = 5 * arrival / (10 * 10 + 5 * (arrival - 10))
    assert rows["gan", "d_updates", "tau25"]["ratio"] == pytest.approx(expected, rel=1e-3)
    assert rows["gan", "images", "tau25"]["ratio"] == pytest.approx(expected, rel=1e-3)
    assert rows["gan", "images", "tau25"]["same_as"] is None  # nothing is said of axes whose units vary


def test_the_horizon_of_an_uneven_arm_is_where_its_budget_lies():
    """Neither arrives: both count the smaller end, which is the arm's without the warm start."""
    flat = (100.0,) * len(GRID)
    found = compared([run(cfid=flat), warmed(cfid=flat)])
    assert {row["ratio"] for row in found["comparisons"]} == {1.0}
    at = {(t["variant"], t["axis"]): t["time"] for t in found["times"] if t["threshold"] == "tau"}
    b = budget(100, 1.1)
    assert (at["wgan_gp", "d_updates"], at["gan", "d_updates"]) == (5 * b, 10 * 10 + 5 * (b - 10))


def test_the_horizon_of_a_pair_is_the_smaller_end_point():
    """Neither arrives: on updates both count B; on discriminator updates both count the smaller of the two ends."""
    flat = (100.0,) * len(GRID)
    runs = [run(cfid=flat), run("gan", cfid=flat, n_critic=1)]
    rows = compared(runs)["comparisons"]
    assert {row["ratio"] for row in rows} == {1.0}


def test_how_many_arrived_is_counted_up_to_the_horizon_of_the_pair():
    """wgan_gp arrives at tau75 after 47 updates or more: on discriminator updates that is beyond gan's end."""
    flat = (100.0,) * len(GRID)
    runs = [run(seed=s) for s in range(2)] + [run("gan", s, flat, n_critic=1) for s in range(2)]
    rows = compared(runs)["comparisons"]
    found = {
        (r["new"], r["axis"]): (r["reached_new"], r["reached_reference"]) for r in rows if r["threshold"] == "tau75"
    }
    assert found["wgan_gp", "updates"] == (2, 0)
    assert found["wgan_gp", "d_updates"] == (0, 0)


def test_unpaired_seeds_are_left_out_and_n_says_so():
    runs = [run(seed=s) for s in (0, 1, 2)] + [run("gan", s, n_critic=1) for s in (1, 2, 3)]
    rows = compared(runs)["comparisons"]
    assert {row["n"] for row in rows} == {2}


def test_unplanned_comparisons_have_no_verdict_one_seed_no_interval():
    rows = compared([run(), run("gan")])["comparisons"]
    assert all(row[k] is None for row in rows for k in ("low", "high", "p", "p_holm", "verdict", "guards"))
    assert not any(row["planned"] for row in rows)


def test_axes_that_coincide_for_a_pair_say_with_which():
    rows = compared([run(), run("gan", n_critic=1)])["comparisons"]
    assert {(r["axis"], r["same_as"]) for r in rows} == {
        ("updates", None), ("d_updates", None), ("images", "d_updates"),
    }  # fmt: skip
    primary = PROTOCOL.model_copy(update={"axis": "images"})
    rows = compared([run(), run("gan")], protocol=primary)["comparisons"]
    assert {(r["axis"], r["same_as"]) for r in rows} == {
        ("images", None), ("updates", "images"), ("d_updates", "images"),
    }  # fmt: skip


def test_seconds_are_updates_times_seconds_per_update_where_timed():
    """As many updates, twice the seconds each: half the speed, and the horizon is the shorter of the two."""
    runs = [run(seed=s) for s in range(3)] + [run("gan", s) for s in range(3)]
    without = compared(runs)
    assert "seconds" not in {row["axis"] for row in without["times"] + without["comparisons"]}
    timed = compared(runs, clock=Clock({"gan": 0.2, "wgan_gp": 0.1}))
    for row in timed["comparisons"]:
        if (row["new"], row["axis"], row["threshold"]) == ("gan", "seconds", "tau25"):
            assert row["ratio"] == pytest.approx(0.5) and row["same_as"] is None
            assert row["reached_new"] == 3
        if (row["new"], row["axis"], row["threshold"]) == ("gan", "seconds", "tau75"):  # after 47 updates or more
            assert row["reached_new"] == 0 < row["reached_reference"]
            assert row["rmst_new"] == pytest.approx(0.1 * budget(100, 1.1))
    seconds = {(r["variant"], r["threshold"]): r["time"] for r in timed["times"] if r["axis"] == "seconds"}
    updates = {(r["variant"], r["threshold"]): r["time"] for r in timed["times"] if r["axis"] == "updates"}
    assert seconds["gan", "tau"] == pytest.approx(0.2 * updates["gan", "tau"])
    with pytest.raises(UserError, match=r"timed on 'gpu', trained on 'cpu AVX2'; run the stage `timing` there"):
        compared(runs, clock=Clock({"gan": 0.2, "wgan_gp": 0.1}, "gpu"))
    with pytest.raises(UserError, match=r"no seconds per update of gan; run the stage `timing`"):
        compared(runs, clock=Clock({"wgan_gp": 0.1}))


def test_a_run_keeps_its_time_only_if_it_diverges_afterwards():
    late = run("gan", cfid=falling(0.05), status="diverged", diverged_at=100)
    short = sum(u < 20 for u in GRID)
    curve = falling(0.05)[:short]
    early = RunCurve("wgan_gp", 0, GRID[:short], curve, facts(status="diverged", diverged_at=20), curve)
    result = compared([late, early])
    reached = {r["variant"]: r["reached"] for r in result["times"] if (r["axis"], r["threshold"]) == ("updates", "tau")}
    assert reached == {"gan": True, "wgan_gp": False}
    assert [row["failed"] for row in result["final"]] == [True, True]


def test_the_second_classifier_is_held_against_its_own_threshold():
    r = RunCurve("v", 0, GRID, falling(0.05), facts(), tuple(2 * v for v in falling(0.05)))
    assert time_to_threshold(r, 20.0, 3, "second") == time_to_threshold(r, 10.0, 3)


def test_scores_without_the_second_classifier_are_refused_by_name():
    bare = RunCurve("gan", 3, GRID, falling(0.05), facts())
    with pytest.raises(UserError, match="data set d: no cfid_second in the scores of gan/seed-3"):
        compared([run(), bare])


def test_area_is_the_mean_of_log_cfid_over_log_updates():
    """cfid = c u^-a has log cfid linear in log u: its mean is half way."""
    power_law = tuple(50 * max(u, 1) ** -0.5 for u in GRID)
    assert log_area(run(cfid=power_law)) == pytest.approx(math.log(50) - 0.5 * math.log(100) / 2)
    assert log_area(run(cfid=(3.0,) * len(GRID))) == pytest.approx(math.log(3))
    assert log_area(run(cfid=(1e9, *power_law[1:]))) == log_area(run(cfid=power_law))  # update 0 is left out


def test_area_of_a_diverged_run_holds_its_last_value():
    held = RunCurve("v", 0, GRID[:5], (9.0, 8.0, 7.0, 6.0, 5.0), facts())
    assert log_area(held) == pytest.approx(log_area(run(cfid=(9.0, 8.0, 7.0, 6.0) + (5.0,) * (len(GRID) - 4))))
    assert log_area(RunCurve("v", 0, (0,), (9.0,), facts())) == pytest.approx(math.log(9))
    assert log_area(RunCurve("v", 0, (0,), (math.nan,), facts())) is None


def test_area_ratio_says_how_many_times_lower_the_curve_is():
    runs = [run(seed=s, cfid=(4.0,) * len(GRID)) for s in range(6)]
    runs += [run("gan", s, (2.0,) * len(GRID)) for s in range(6)]
    rows = compared(runs)["area_ratios"]
    (row,) = [r for r in rows if r["new"] == "gan"]
    assert (row["ratio"], row["low"], row["high"], row["n"]) == (2.0, 2.0, 2.0, 6)


def test_a_time_lies_between_its_snapshot_and_the_one_before():
    assert grid_step([0, 1, 2, 40, 44], 44) == pytest.approx(math.log(1.1))
    assert grid_step([0, 1, 2, 40, 44], 1) == math.inf


def test_any_order_of_the_rows_gives_the_same_bytes():
    rows = [
        {"dataset": "d", "variant": v, "seed": s, "update": u, "metric": m, "value": 100 * math.exp(-u * (s + k) / 60)}
        for k, v in enumerate(("gan", "wgan_gp"), 1)
        for s in range(7)
        for u in GRID
        for m in ("cfid", "ckid", "cfid_second", "coverage")
    ]
    all_facts = {(v, s): facts() for v in ("gan", "wgan_gp") for s in range(7)}
    texts = set()
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        shuffled = dict(random.Random(seed).sample(sorted(all_facts.items()), len(all_facts)))
        timing = dict(random.Random(seed).sample([("gan", 0.1), ("wgan_gp", 0.3)], 2))
        runs = curves_of(pd.DataFrame(rows), shuffled)
        for given in (runs, runs[::-1]):
            levels = CALIBRATION.sample(frac=1, random_state=seed)
            result = compared(given, calibration=levels, clock=Clock(timing))
            texts.add(json.dumps(result, allow_nan=False))
    assert len(texts) == 1


@pytest.mark.parametrize("key", ["device", "versions", "precision"])
def test_unlike_runs_are_not_compared_and_the_ways_on_are_named(key):
    other = run("gan", **{key: {"torch": "3"} if key == "versions" else "other"})
    with pytest.raises(
        UserError, match=rf"^data set d: runs differ in {key} and cannot be compared: (?=.*gan/seed-0).*wgan_gp/seed-0"
    ) as said:
        compared([run(), other])
    assert all(f"`{way}`" in str(said.value) for way in ("dvc repro -f", "git checkout params.yaml dvc.lock"))


def test_plateau_is_where_the_median_stays_within_a_tenth_of_its_minimum():
    updates = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    curve = (99.0, 50.0, 20.0, 10.4, 12.0, 10.9, 10.0, 10.5, 10.3, 10.8, 10.2)
    pilots = [RunCurve("wgan_gp", s, updates, curve, facts()) for s in (800, 801, 802)]
    found = find_plateau(pilots, 1.1)
    assert (found.plateau, found.cfid) == (50, 10.0)
    assert budget(found.updates, 1.1) >= 75 > budget(found.updates - 1, 1.1)
    assert found.threshold == {"tau25": 50.0, "tau": 20.0, "tau75": 12.0}
    second = tuple(3 * value for value in curve)
    both = find_plateau([RunCurve("wgan_gp", s, updates, curve, facts(), second) for s in (800, 801, 802)], 1.1)
    assert both.threshold == found.threshold | {"tau_second": 60.0}


def test_no_plateau_while_the_curve_still_falls():
    assert find_plateau([RunCurve("v", 0, GRID, falling(0.05), facts())], 1.1) is None


def test_the_stage_reads_timing_and_records_where_they_exist(tmp_path):
    """What the stage writes from the files is what compare says of the same things in memory."""
    import compare as stage

    planned, timing = (("iterative", "wgan_gp"),), {"gan": 0.01, "wgan_gp": 0.05, "iterative": 0.053}
    workspace, params = made_up.write_study(tmp_path, planned=planned, seconds_per_update=timing)
    wanted = read_json(workspace.comparison("digits"))
    stage.compare(params, workspace, "digits")
    assert read_json(workspace.comparison("digits")) == wanted
    for path in (workspace.timing("digits"), workspace.preregistration("digits"), workspace.tuning_record("digits")):
        path.unlink()
    stage.compare(params, workspace, "digits")
    without = read_json(workspace.comparison("digits"))
    assert (wanted["thresholds"]["rule"], without["thresholds"]["rule"]) == ("pilot", "params")
    assert (wanted["untuned"], without["untuned"]) == ([], sorted(made_up.VARIANTS))
    assert [any(row["axis"] == "seconds" for row in found["times"]) for found in (wanted, without)] == [True, False]
