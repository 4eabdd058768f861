"""Time to threshold and speed-up: by hand, by symmetry, and in any order of the rows."""

import json
import math
import random

import pandas as pd
import pytest

from ganspeed import compare
from ganspeed.compare import Run, plateau, runs_of, speed_up, time_to_threshold, truncated
from ganspeed.errors import UserError
from ganspeed.grid import budget, snapshot_updates
from ganspeed.params import Protocol, Threshold, Timing

GRID = tuple(snapshot_updates(100, 1.1))
THRESHOLD = Threshold(tau25=30.0, tau=20.0, tau75=10.0, tau_second=20.0)
PROTOCOL = Protocol(
    axis="updates", consecutive=3, references=("wgan_gp", "gan"), planned=(), timing=Timing(repeats=0, updates=50)
)
CALIBRATION = pd.DataFrame([{"dataset": "d", "row": "floor", "metric": "cfid", "value": 0.5, "n": 10}])


def facts(**changes) -> dict:
    base = {"updates": 100, "grid_ratio": 1.1, "n_critic": 5, "batch_size": 64, "device": "cpu AVX2", "engine": "eager"}
    return base | {"precision": "float32", "versions": {"torch": "2"}, "status": "completed"} | changes


def falling(speed: float) -> tuple[float, ...]:
    return tuple(100 * math.exp(-speed * update) for update in GRID)


def run(variant="wgan_gp", seed=0, cfid=None, **changes) -> Run:
    return Run(variant, seed, GRID, cfid or falling(0.05), facts(**changes))


def test_arrival_is_the_first_of_three_in_a_row():
    cfid = [50.0, 9.0, 50.0, 9.0, 9.0, 50.0, 9.0, 9.0, 9.0, 50.0]
    r = Run("v", 0, tuple(range(0, 100, 10)), tuple(cfid), facts())
    assert time_to_threshold(r, 10.0, 3) == 60
    assert time_to_threshold(r, 10.0, 1) == 10
    assert time_to_threshold(r, 10.0, 4) is None
    assert time_to_threshold(r, 9.0, 3) == 60  # at the threshold counts


def test_not_reached_counts_as_the_horizon():
    assert truncated(run(), None, "updates", 80) == (80, False)
    assert truncated(run(), 81, "updates", 80) == (80, False)
    assert truncated(run(), 80, "updates", 80) == (80, True)
    assert truncated(run(), 3, "images", 10**6) == (3 * 5 * 64, True)


def test_speed_up_is_a_ratio_of_geometric_means():
    new, reference = [(10, True), (40, True)], [(20, True), (20, True)]
    assert speed_up(new, reference) == pytest.approx(20 / math.sqrt(10 * 40))
    assert speed_up(reference, new) == pytest.approx(1 / speed_up(new, reference))
    assert speed_up(new, new) == 1.0


def test_twice_as_fast_is_two_on_updates_and_ten_on_discriminator_updates():
    """gan with one critic step against wgan_gp with five, twice as fast in updates."""
    runs = [run(seed=s, cfid=falling(0.1)) for s in range(3)]
    fast = Run("gan", 0, tuple(u // 2 for u in GRID), falling(0.1), facts(n_critic=1))
    runs += [Run("gan", s, fast.updates, fast.cfid, fast.facts) for s in range(3)]
    rows = compare.compare("d", runs, THRESHOLD, PROTOCOL, CALIBRATION)["comparisons"]
    ratio = {(r["new"], r["reference"], r["axis"]): r["ratio"] for r in rows if r["threshold"] == "tau25"}
    assert ratio["gan", "wgan_gp", "updates"] == pytest.approx(2, rel=0.1)
    assert ratio["gan", "wgan_gp", "images"] == ratio["gan", "wgan_gp", "d_updates"]
    assert ratio["gan", "wgan_gp", "d_updates"] == pytest.approx(10, rel=0.1)
    assert ratio["wgan_gp", "gan", "updates"] == pytest.approx(1 / ratio["gan", "wgan_gp", "updates"])


def test_the_horizon_of_a_pair_is_the_smaller_end_point():
    """Neither arrives: on updates both count B; on discriminator updates both count the smaller of the two ends."""
    flat = (100.0,) * len(GRID)
    runs = [run(cfid=flat), Run("gan", 0, GRID, flat, facts(n_critic=1))]
    rows = compare.compare("d", runs, THRESHOLD, PROTOCOL, CALIBRATION)["comparisons"]
    assert {row["ratio"] for row in rows} == {1.0}


def test_how_many_arrived_is_told_at_the_horizon_of_the_pair():
    """wgan_gp arrives at tau75 after 47 updates or more: on discriminator updates that is beyond gan's end."""
    flat = (100.0,) * len(GRID)
    runs = [run(seed=s) for s in range(2)] + [Run("gan", s, GRID, flat, facts(n_critic=1)) for s in range(2)]
    rows = compare.compare("d", runs, THRESHOLD, PROTOCOL, CALIBRATION)["comparisons"]
    found = {
        (r["new"], r["axis"]): (r["reached_new"], r["reached_reference"]) for r in rows if r["threshold"] == "tau75"
    }
    assert found["wgan_gp", "updates"] == (2, 0)
    assert found["wgan_gp", "d_updates"] == (0, 0)


def test_unpaired_seeds_are_left_out_and_n_says_so():
    runs = [run(seed=s) for s in (0, 1, 2)] + [run("gan", s, n_critic=1) for s in (1, 2, 3)]
    rows = compare.compare("d", runs, THRESHOLD, PROTOCOL, CALIBRATION)["comparisons"]
    assert {row["n"] for row in rows} == {2}


def test_fields_of_the_statistics_to_come_are_null():
    rows = compare.compare("d", [run(), run("gan")], THRESHOLD, PROTOCOL, CALIBRATION)["comparisons"]
    assert all(row[k] is None for row in rows for k in ("low", "high", "p", "p_holm", "verdict", "sentence"))


def test_any_order_of_the_rows_gives_the_same_bytes():
    rows = [
        {"dataset": "d", "variant": v, "seed": s, "update": u, "metric": m, "value": 100 * math.exp(-u * (s + k) / 60)}
        for k, v in enumerate(("gan", "wgan_gp"), 1)
        for s in range(4)
        for u in GRID
        for m in ("cfid", "ckid")
    ]
    all_facts = {(v, s): facts() for v in ("gan", "wgan_gp") for s in range(4)}
    texts = set()
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        shuffled = dict(random.Random(seed).sample(sorted(all_facts.items()), len(all_facts)))
        result = compare.compare("d", runs_of(pd.DataFrame(rows), shuffled), THRESHOLD, PROTOCOL, CALIBRATION)
        texts.add(json.dumps(result, sort_keys=True))
    assert len(texts) == 1


@pytest.mark.parametrize("key", ["device", "engine", "versions", "precision", "updates"])
def test_unlike_runs_are_not_compared(key):
    other = run("gan", **{key: {"torch": "3"} if key == "versions" else 50 if key == "updates" else "other"})
    with pytest.raises(UserError, match=f"data set d: runs differ in {key} .*gan/seed-0.*wgan_gp/seed-0|{key}"):
        compare.compare("d", [run(), other], THRESHOLD, PROTOCOL, CALIBRATION)


def test_plateau_is_where_the_median_stays_within_a_tenth_of_its_minimum():
    updates = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    curve = (99.0, 50.0, 20.0, 10.4, 12.0, 10.9, 10.0, 10.5, 10.3, 10.8, 10.2)
    pilots = [Run("wgan_gp", s, updates, curve, facts()) for s in (800, 801, 802)]
    found = plateau(pilots, 1.1)
    assert (found.plateau, found.cfid) == (50, 10.0)
    assert budget(found.updates, 1.1) >= 75 > budget(found.updates - 1, 1.1)
    assert found.threshold == {"tau25": 50.0, "tau": 20.0, "tau75": 12.0}


def test_no_plateau_while_the_curve_still_falls():
    assert plateau([Run("v", 0, GRID, falling(0.05), facts())], 1.1) is None
