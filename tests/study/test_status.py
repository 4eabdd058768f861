"""What a study may be called: each reason against `confirmatory`, alone; and git's word on real commits."""

import copy
import dataclasses
import subprocess

import pytest

from ganspeed.compare.records import Budget, Preregistration, StudyRecords, TuningRecord
from ganspeed.params.variants import parse_variant
from ganspeed.study.status import StudyFacts, committed, study_status

TUNED = {"objective": "wgan", "clip": 0.07}
PLAIN = {"objective": "wgan_gp", "lambda_gp": 10.0}
PAIR = {"new": "iterative_tuned", "reference": "wgan_tuned"}
OURS = {"objective": "iterative_penalty", "p": 2.0}
COMMIT = "a" * 40
STUDY = StudyFacts(
    dataset="digits",
    axis="updates",
    data={"source": "digits"},
    evaluate={"split": "test", "samples": 5000},
    features={"width": 8, "seed": 0},
    guards={"margin": 1.25},
    metric_sha256="m",
    planned=[PAIR],
    seed_offsets={"wgan_gp": 0, "wgan_tuned": 0, "iterative_tuned": 0},
    seeds=list(range(100, 112)),
    threshold={"tau25": 4.0, "tau": 3.0, "tau75": 2.0, "tau_second": 3.5},
    train={"updates": 2000, "grid_ratio": 1.05},
    variants={"wgan_gp": PLAIN, "wgan_tuned": TUNED, "iterative_tuned": OURS},
    demo=[],
    untuned=["wgan_gp"],
    provenance=[{"commit": COMMIT, "dirty": False}] * 36,
)
RECORD = {
    "axis": "updates",
    "data": dict(STUDY.data),
    "evaluate": dict(STUDY.evaluate),
    "features": dict(STUDY.features),
    "guards": dict(STUDY.guards),
    "metric_sha256": "m",
    "planned": [PAIR],
    "seed_offsets": dict(STUDY.seed_offsets),
    "seeds": list(range(100, 112)),
    "threshold": dict(STUDY.threshold),
    "train": dict(STUDY.train),
    "updates": 2000,
    "variants": dict(STUDY.variants),
    "pilot": {"variant": "wgan_gp", "seeds": [800, 801, 802], "split": "val", "updates": 6000},
    "plateau": 1200,
    "reasons": [],
    "sd_log_time": 0.2,
    "power": None,
}
TUNING = TuningRecord(chosen={}, trials={}, budget=Budget(seeds=[900, 901]))
RECORDS = StudyRecords(Preregistration.from_json(RECORD), TUNING)
COMMITTED = {COMMIT: True}


def with_record(**changes) -> StudyRecords:
    return StudyRecords(Preregistration.from_json({**copy.deepcopy(RECORD), **changes}), TUNING)


def test_everything_as_it_was_fixed_is_confirmatory():
    found = study_status(STUDY, RECORDS, COMMITTED)
    assert found.name == "confirmatory"
    assert found.reasons == [
        "every run comes from a clean checkout of a commit with preregistration/digits.json as it is"
    ]


@pytest.mark.parametrize(("study", "records", "reason"), [
    ({}, StudyRecords(None, TUNING), "nothing was fixed before the runs: no preregistration/dig"),
    ({"provenance": [{"commit": COMMIT, "dirty": False}, {"commit": COMMIT, "dirty": True}]}, RECORDS, "1 runs from a"),
    ({"provenance": [{"commit": "unknown", "dirty": None}] * 2}, RECORDS, "2 runs of no known commit"),
    ({"axis": "images"}, RECORDS, "axis differs from preregistration/digits.json"),
    ({"train": {**STUDY.train, "grid_ratio": 1.1}}, RECORDS, "train differs from"),
    ({"data": {"source": "mnist"}}, RECORDS, "data differs from"),
    ({"evaluate": {**STUDY.evaluate, "split": "val"}}, RECORDS, "evaluate differs from"),
    ({"features": {**STUDY.features, "seed": 2}}, RECORDS, "features differs from"),
    ({}, with_record(features=None), "features differs from"),
    ({"guards": {"margin": 2.0}}, RECORDS, "guards differs from"),
    ({"seed_offsets": {**STUDY.seed_offsets, "iterative_tuned": 7}}, RECORDS, "seed_offsets differs from"),
    ({"metric_sha256": "n"}, RECORDS, "metric_sha256 differs from"),
    ({"threshold": {**STUDY.threshold, "tau_second": 3.4}}, RECORDS, "threshold differs from"),
    ({"train": {**STUDY.train, "updates": 2001}}, RECORDS, "train differs from"),
    ({"seeds": list(range(100, 113))}, RECORDS, "seeds differs from"),
    ({"planned": [PAIR, PAIR]}, RECORDS, "planned differs from"),
    ({"planned": []}, with_record(planned=[]), "no comparison was planned"),
    ({"variants": {**STUDY.variants, "wgan_gp": TUNED}}, RECORDS, "variants differ from preregistration/digits.json"),
    ({"seeds": list(range(5, 17))}, with_record(seeds=list(range(5, 17))), "seeds of pilot, tuning or demos: 5, 6"),
    ({"seeds": list(range(795, 807))}, with_record(seeds=list(range(795, 807))), "seeds of pilot, tuning or demos: 8"),
    ({"seeds": list(range(901, 910))}, with_record(seeds=list(range(901, 910))), "seeds of pilot, tuning or demos: 9"),
    ({"seeds": list(range(850, 862))}, with_record(seeds=list(range(850, 862))), "seeds of pilot, tuning or demos: 8"),
    ({"seed_offsets": dict.fromkeys(STUDY.variants, 700)}, with_record(seed_offsets=dict.fromkeys(STUDY.variants, 700)),
     "seeds of pilot, tuning or demos: 800"),
    ({"untuned": list(STUDY.variants)}, RECORDS, "untuned recipes"),
    ({"untuned": ["wgan_gp", "iterative_tuned"]}, RECORDS, "untuned in the planned family: iterative_tuned"),
])  # fmt: skip
def test_one_thing_out_of_place_makes_it_exploratory_and_is_named(study, records, reason):
    has_record = {COMMIT: records.preregistration is not None}
    found = study_status(dataclasses.replace(STUDY, **study), records, has_record)
    assert found.name == "exploratory"
    assert [r for r in found.reasons if r.startswith(reason)] and len(found.reasons) == 1


def test_a_commit_without_the_record_makes_it_exploratory():
    found = study_status(STUDY, RECORDS, {COMMIT: False})
    wanted = f"commits of runs without exactly this preregistration/digits.json: {COMMIT[:10]}"
    assert (found.name, found.reasons) == ("exploratory", [wanted])


def test_a_key_that_a_record_is_older_than_counts_only_beside_its_default(document):
    block = parse_variant(document["variants"]["gan"]).resolved()
    older = {key: value for key, value in block.items() if key not in ("flip", "smooth_generator")}
    records = with_record(variants=RECORD["variants"] | {"gan": older})
    for flip, status in ((0.0, "confirmatory"), (0.1, "exploratory")):
        study = dataclasses.replace(STUDY, variants=STUDY.variants | {"gan": block | {"flip": flip}})
        assert study_status(study, records, COMMITTED).name == status


def test_an_older_record_without_a_key_of_the_design_differs():
    record = {key: value for key, value in RECORD.items() if key != "features"}
    found = study_status(STUDY, StudyRecords(Preregistration.from_json(record), TUNING), COMMITTED)
    assert (found.name, found.reasons) == ("exploratory", ["features differs from preregistration/digits.json"])


def test_a_demo_comes_first_whatever_else_holds():
    reasons = ["fewer than 8 seeds: 7", "no plateau: still falling"]
    found = study_status(dataclasses.replace(STUDY, demo=reasons), RECORDS, COMMITTED)
    assert (found.name, found.reasons) == ("demo", reasons)
    loose = dataclasses.replace(STUDY, demo=reasons, untuned=list(STUDY.variants), planned=[])
    assert study_status(loose, RECORDS, COMMITTED).reasons == [*reasons, "untuned recipes"]


def git(folder, *arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """(root, path of the record, the commit before it, the commit with it)."""
    root = tmp_path / "study"
    path = root / "preregistration" / "digits.json"
    path.parent.mkdir(parents=True)
    (root / "README.md").write_text("1\n")
    git(root, "init", "-q")
    commits = []
    for name in ("before", "frozen"):
        git(root, "add", ".")
        git(root, "commit", "-qm", name)
        commits.append(git(root, "rev-parse", "HEAD"))
        path.write_text("frozen\n")
    return root, path, *commits


def test_a_commit_contains_the_record_only_with_its_present_content(repository):
    root, path, before, frozen = repository
    assert committed(root, path, [before, frozen, "unknown"]) == {before: False, frozen: True}
    path.write_text("frozen \n")
    assert committed(root, path, [frozen]) == {frozen: False}


def test_a_clone_with_other_line_ends_has_the_same_record(repository, tmp_path):
    root, _, before, frozen = repository
    git(tmp_path, "clone", "-q", "-c", "core.autocrlf=true", str(root), "other")
    path = tmp_path / "other" / "preregistration" / "digits.json"
    assert path.read_bytes() == b"frozen\r\n"
    assert committed(tmp_path / "other", path, [before, frozen]) == {before: False, frozen: True}


def test_a_commit_that_a_shallow_clone_lacks_is_called_that(repository, tmp_path):
    root, _, before, frozen = repository
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    shallow = tmp_path / "shallow"
    found = committed(shallow, shallow / "preregistration" / "digits.json", [before, frozen])
    assert found == {before: None, frozen: True}
    study = dataclasses.replace(STUDY, provenance=[{"commit": before, "dirty": False}] * 36)
    wanted = f"commits of runs that this clone, perhaps a shallow one, does not have: {before[:10]}"
    assert study_status(study, RECORDS, found).reasons == [wanted]


def test_without_a_checkout_no_commit_is_found(repository):
    root, path, _, frozen = repository
    (root / ".git").rename(root / "git")
    assert committed(root, path, [frozen, "unknown"]) == {frozen: None}
