"""run.json has one reader and one writer, which words what is missing or damaged."""

from dataclasses import asdict, replace

import pytest

from ganspeed.errors import UserError
from ganspeed.runs.integrity import run_problems
from ganspeed.runs.record import RUN_JSON, RunRecord, read_record, write_record
from ganspeed.system.files import read_json, write_json

NAMES = ("history.csv", "samples/12.png", "samples/0.png", "samples.gif", "snapshots/0000012.safetensors",
         "snapshots/0000000.safetensors")  # fmt: skip
RECORD = RunRecord(
    dataset="digits",
    variant="gan",
    status="completed",
    diverged_at=None,
    fingerprint="f" * 64,
    files=dict.fromkeys(NAMES, "0" * 64),
    seed=500,
    parameters={"data": {}, "train": {"updates": 12, "coarse_below": 3}, "variant": {"n_critic": 5}},
    manifest_sha256="1" * 64,
    sources={},
    versions={"torch": "2"},
    device="cpu AVX2",
    precision="float32",
    engine="eager",
)


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    assert read_json(tmp_path / RUN_JSON)["parameters"] == RECORD.parameters
    assert (RECORD.updates, RECORD.n_critic, RECORD.identity["seed"]) == (12, 5, 500)


def test_snapshots_and_samples_are_listed_by_update():
    assert list(RECORD.snapshots().items()) == [
        (0, "snapshots/0000000.safetensors"), (12, "snapshots/0000012.safetensors"),
    ]  # fmt: skip
    assert list(RECORD.samples().items()) == [(0, "samples/0.png"), (12, "samples/12.png")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"dataset": "digits"}', "null"])
def test_a_damaged_record_is_refused_by_name(text, tmp_path):
    with pytest.raises(UserError, match=rf"{RUN_JSON}: no such file"):
        read_record(tmp_path)
    (tmp_path / RUN_JSON).write_text(text)
    with pytest.raises(UserError, match=rf"{RUN_JSON}: damaged: "):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("status", "cnmpleted"), ("status", "diverged"), ("diverged_at", 6), ("diverged_at", "6"), ("seed", "500"),
     ("seed", True), ("files", ["history.csv"]), ("fingerprint", None)],
)  # fmt: skip
def test_an_end_that_no_run_can_have_is_damage(key, value, tmp_path):
    write_json(tmp_path / RUN_JSON, asdict(RECORD) | {key: value})
    with pytest.raises(UserError, match=rf"{RUN_JSON}: damaged: .*{key}"):
        read_record(tmp_path)
    assert run_problems(tmp_path)
    write_record(tmp_path, replace(RECORD, status="diverged", diverged_at=6))
    assert read_record(tmp_path).diverged_at == 6
