"""Pairs that differ in more than the method: compared, without a verdict, and with the reason in words."""

import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from ganspeed.compare.compare import Clock, compare_runs
from ganspeed.compare.comparison import Comparison
from ganspeed.compare.differences import Difference, differences_of, in_short, in_words
from ganspeed.compare.records import StudyRecords, TuningRecord
from ganspeed.compare.rows import Row
from ganspeed.compare.summary import headline, verdict_tag, verdict_word
from ganspeed.compare.times import RunCurve
from ganspeed.errors import UserError
from ganspeed.params.blocks import Planned, Protocol, Timing
from ganspeed.params.datasets import Threshold
from ganspeed.params.load import parse_params
from ganspeed.params.networks import Networks, resolved
from ganspeed.training.snapshot_grid import snapshot_updates
from ganspeed.types import RunFacts

NETWORKS = {"latent": {"dim": 4}, "G": {"width": 8}, "D": {"width": 8, "hidden": 0}}
BATCH = NETWORKS | {"D": {"width": 8, "hidden": 0, "norm": "batch"}}
GROW = {"factor": 2, "every": 100, "largest": 256}
RESOLVED = resolved(Networks.model_validate(NETWORKS), 8).model_dump(mode="json")
PROTOCOL = Protocol(axis="updates", consecutive=3, references=("b",), planned=(Planned(new="a", reference="b"),),
                    margin=1.25, max_coverage_drop=0.02, max_extra_failures=1, equivalence=(0.8, 1.25),
                    timing=Timing(repeats=0, updates=50))  # fmt: skip
CALIBRATION = pd.DataFrame([{"row": "floor", "metric": "cfid", "value": 0.5, "n": 10}])
TUNED = StudyRecords(tuning=TuningRecord.from_json({
    "chosen": {"a": {"n": "a"}, "b": {"n": "b"}, "c": {"n": "c"}}, "trials": {"a": 8, "b": 8, "c": 8},
    "budget": {"seeds": [900]}, "networks": dict.fromkeys("abc", RESOLVED),
}))  # fmt: skip


def facts(variant="a", networks=NETWORKS, latents=None, batches=None, **changes) -> RunFacts:
    parameters = {"data": {"image_size": 8}, "networks": networks, "latents": latents or {}}
    base = {"updates": 400, "grid_ratio": 1.05, "batch_size": 64, "engine": "eager", "device": "cpu", "n_critic": 1}
    base |= {"status": "completed", "diverged_at": None, "precision": "float32", "versions": {"torch": "2"}}
    method = {"n": variant} | ({} if batches is None else {"batches": batches})
    return RunFacts(**base | {"variant": method, "parameters": parameters} | changes)


def arm(variant: str, speed: float, n: int = 8, **changes) -> list[RunCurve]:
    """Runs whose cfid falls at this speed, a little differently for each seed."""
    of = facts(variant, **changes)
    grid = tuple(snapshot_updates(of.updates, of.grid_ratio))
    curves = [tuple(2 + 100 * math.exp(-speed * (1 + s % 3 / 10) * u) for u in grid) for s in range(n)]
    ends = ((grid[-1], 0.9),)
    return [RunCurve(variant, 100 + s, grid, curve, of, curve, ends) for s, curve in enumerate(curves)]


def compared(*arms: list[RunCurve], protocol: Protocol = PROTOCOL, records: StudyRecords = TUNED) -> Comparison:
    """The comparison as it is read back from its file."""
    threshold = Threshold(tau25=40.0, tau=20.0, tau75=10.0, tau_second=20.0)
    runs = [run for one in arms for run in one]
    found = compare_runs("d", runs, threshold, protocol, CALIBRATION, Clock(), records)
    again = Comparison.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found
    return again


def planned(**changes) -> Row:
    """The planned pair of an arm that is twice as fast, with changes to it, over its reference."""
    own = resolved(Networks.model_validate(changes.get("networks", NETWORKS)), 8)
    method = facts(**changes).variant
    tuned = replace(  # each arm as it was tuned, on its own networks
        TUNED.tuning, networks=TUNED.tuning.networks | {"a": own}, chosen=TUNED.tuning.chosen | {"a": method}
    )
    arms = arm("a", 0.04, **changes), arm("b", 0.02)
    return compared(*arms, records=replace(TUNED, tuning=tuned)).primary("a", "b")


def test_a_pair_alike_but_for_its_method_gets_its_verdict():
    row = planned()
    assert (row.verdict, row.reason, row.differs) == ("FASTER", None, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"networks": BATCH}, "other network: D.norm batch against none"),
        ({"latents": {"categorical": 10}}, "other network: latents.categorical 10 against 0"),
        ({"networks": NETWORKS | {"init": "xavier"}}, "other network: init xavier against normal 0.02"),
        ({"engine": "traced, 4 lanes"}, "other engine: traced, 4 lanes against eager"),
        ({"batch_size": 32}, "other batches: G 32 against 64, D 32 against 64"),
        ({"batches": {"D": 4}}, "other batches: D 4 against 64"),
        ({"batches": {"grow": GROW}}, "other batches: grow factor 2 every 100 largest 256 against none"),
        (
            {"batches": {"D": 4}, "networks": BATCH, "updates": 500},
            "other network: D.norm batch against none; other batches: D 4 against 64; other updates: 500 against 400",
        ),
        ({"updates": 500}, "other updates: 500 against 400"),
        ({"grid_ratio": 1.06}, "other grid_ratio: 1.06 against 1.05"),
        ({"networks": BATCH, "engine": "x"}, "other network: D.norm batch against none; other engine: x against eager"),
    ],
)
def test_a_planned_pair_that_differs_gets_no_verdict_and_says_why(changes, reason):
    row = planned(**changes)
    assert row.planned and (row.verdict, row.reason) == (None, reason)
    assert verdict_word(row) == "no verdict" and verdict_tag(row) == f"no verdict: {reason}"
    assert f", no verdict ({reason}); reached 8/8 against 8/8" in row.sentence
    assert "sooner" not in row.sentence and row.ratio > 1.5


def test_every_reason_for_no_verdict_is_named():
    row = compared(arm("a", 0.04, networks=BATCH), arm("b", 0.02), records=StudyRecords()).primary("a", "b")
    assert row.reason == "other network: D.norm batch against none; untuned: a, b"


def test_exploratory_pairs_have_the_same_note_on_every_row():
    found = compared(arm("a", 0.04), arm("b", 0.02), arm("c", 0.03, networks=BATCH))
    rows = [row for row in found.comparisons if row.new == "c"]
    assert {(row.threshold, row.differs) for row in rows} == {
        (threshold, (Difference("D.norm", "batch", "none"),)) for threshold in ("tau25", "tau", "tau75", "second")
    }
    row = found.primary("c", "b")
    assert verdict_tag(row) == "exploratory: other network: D.norm batch against none"
    assert ", exploratory (other network: D.norm batch against none); " in row.sentence
    assert found.primary("a", "b").verdict == "FASTER"  # another pair of the same runs is judged as before


def test_the_headline_names_what_differs():
    found = compared(arm("a", 0.04, networks=BATCH), arm("b", 0.02))
    assert headline(found).startswith("On d: a (other network: D.norm batch) against b no verdict, ")
    unplanned = PROTOCOL.model_copy(update={"planned": ()})
    found = compared(arm("a", 0.04, networks=BATCH), arm("b", 0.02), protocol=unplanned)
    assert headline(found).startswith("On d a (other network: D.norm batch) is ahead of b, ")


def test_a_pair_of_runs_that_differ_in_length_ends_where_the_shorter_ends():
    found = compared(arm("a", 0.04, updates=800), arm("b", 0.001))
    assert {time.time for time in found.times_of("b", "tau")} == {found.primary("a", "b").rmst_reference}
    assert found.thresholds.budget > found.primary("a", "b").rmst_reference


def test_a_file_has_the_key_only_where_something_differs():
    found = compared(arm("a", 0.04), arm("b", 0.02), arm("c", 0.03, networks=BATCH)).to_json()
    assert {row["new"] for row in found["comparisons"] if "differs" in row} == {"c"}
    (row, *_) = [row for row in found["comparisons"] if row["new"] == "c"]
    assert list(row["differs"]) == [{"key": "D.norm", "new": "batch", "reference": "none"}]


def test_networks_that_are_written_differently_do_not_differ(document):
    """A default that is written out, and the depth that follows from the images, in params.yaml as in a record."""
    document["variants"]["wgan"]["networks"] = {"D": {"norm": "none", "depth": 2}, "init": {"normal": 0.02}}
    document["variants"]["gan"]["networks"] = {"D": {"norm": "batch"}}
    params = parse_params(document)
    gp, wgan, gan = (params.networks("digits", v).model_dump(mode="json") for v in ("wgan_gp", "wgan", "gan"))
    assert differences_of(facts(networks=wgan), facts(networks=gp)) == ()
    assert in_words(differences_of(facts(networks=gan), facts(networks=gp))) == (
        "other network: D.norm batch against none"
    )
    written = NETWORKS | {"D": NETWORKS["D"] | {"norm": "none", "depth": 2}, "init": {"normal": 0.02}}
    assert differences_of(facts(networks=written), facts()) == ()
    assert differences_of(facts(latents={"categorical": 0}), facts()) == ()


@pytest.mark.parametrize("own", [{}, {"G": 64}, {"G": 64, "D": 64, "grow": None}])
def test_batches_of_the_data_sets_size_are_no_difference(own):
    assert differences_of(facts(batches=own), facts()) == ()


def test_batches_are_no_difference_of_networks():
    """The report then counts no weights of them."""
    [found] = differences_of(facts(batches={"D": 4}), facts())
    assert found == Difference("batches.D", "4", "64") and not found.is_network
    assert in_short([found]) == "other batches: D 4"


def test_in_short_only_the_new_arm_is_named():
    found = differences_of(facts(networks=BATCH, engine="traced"), facts())
    assert in_short(found) == "other network: D.norm batch; other engine: traced" and in_short(()) == in_words(()) == ""


@pytest.mark.parametrize(
    ("key", "changes"), [("engine", {"engine": "x"}), ("updates", {"updates": 500}), ("D.norm", {"networks": BATCH})]
)
def test_seeds_of_one_variant_that_differ_are_refused_by_name(key, changes):
    runs = arm("a", 0.04)[:4] + arm("a", 0.04, **changes)[4:] + arm("b", 0.02)
    with pytest.raises(UserError, match=rf"^data set d: runs differ in {key} and cannot be compared: .*a/seed-104"):
        compared(runs)
