"""Checkpoints: two generations, a damaged one passed over, and none taken from another run."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from damage import flip

from ganspeed.system.nested import dict_differences
from ganspeed.training.checkpoints import CheckpointError, Checkpoints

CPU = torch.device("cpu")
IDENTITY = {"seed": 0, "parameters": {"train": {"updates": 12}, "variant": {"betas": [0.0, 0.9]}}, "device": "cpu X"}


@pytest.fixture
def checkpoints(tmp_path) -> Checkpoints:
    """Of a run that saved its state at updates 5, 10 and 15."""
    made = Checkpoints(tmp_path / "run" / "checkpoints", IDENTITY)
    for update in (5, 10, 15):
        made.save(update, {"weights": torch.full((3,), float(update)), "update": update, "rows": [{"d_loss": 0.5}]})
    return made


def test_the_two_newest_are_kept_and_the_newest_comes_back(checkpoints):
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["0000010.pt", "0000015.pt"]
    state = checkpoints.load(CPU)
    assert torch.equal(state["weights"], torch.full((3,), 15.0))
    assert (state["update"], state["rows"]) == (15, [{"d_loss": 0.5}])


def test_without_any_there_is_nothing_to_go_on_from(tmp_path):
    empty = Checkpoints(tmp_path / "none", IDENTITY)
    assert not empty and empty.load(CPU) is None


@pytest.mark.parametrize("where", [0, 64, 65, 500, -1])
def test_a_flipped_byte_anywhere_leads_to_the_one_before_and_is_said(checkpoints, where, capsys):
    flip(checkpoints.folder / "0000015.pt", where)
    assert checkpoints.load(CPU)["update"] == 10
    assert "0000015.pt: damaged" in capsys.readouterr().err


@pytest.mark.parametrize("length", [0, 30, 65, 700])
def test_so_does_a_truncated_one(checkpoints, length, capsys):
    os.truncate(checkpoints.folder / "0000015.pt", length)
    assert checkpoints.load(CPU)["update"] == 10
    assert "0000015.pt: damaged" in capsys.readouterr().err


def test_both_damaged_stops_and_removes_nothing(checkpoints):
    for path in checkpoints.folder.iterdir():
        flip(path)
    with pytest.raises(CheckpointError, match=r"every checkpoint is damaged \(0000015.pt, 0000010.pt\).*remove .*/run"):
        checkpoints.load(CPU)
    assert len(list(checkpoints.folder.iterdir())) == 2


@pytest.mark.parametrize(("change", "said"), [
    ({"seed": 1}, "seed: 0 there, 1 here"),
    ({"device": "cpu Y"}, "device: 'cpu X' there, 'cpu Y' here"),
    ({"parameters": {"train": {"updates": 13}, "variant": {"betas": [0.0, 0.9]}}},
     "parameters.train.updates: 12 there, 13 here"),
    ({"sources": {"training/loop.py": "aa"}}, "sources: None there"),
])  # fmt: skip
def test_that_of_another_run_is_refused_naming_what_differs(checkpoints, change, said):
    with pytest.raises(CheckpointError) as caught:
        Checkpoints(checkpoints.folder, IDENTITY | change).load(CPU)
    assert said in str(caught.value) and str(checkpoints.folder / "0000015.pt") in str(caught.value)
    assert str(caught.value).count("there,") == 1


def test_differences_are_told_in_the_order_of_their_paths():
    assert dict_differences({"a": {"c": 1, "b": 2}}, {"a": {"c": 3}}) == [
        "a.b: 2 there, None here",
        "a.c: 1 there, 3 here",
    ]


def test_one_that_asks_to_run_code_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    made = Checkpoints(tmp_path / "checkpoints", IDENTITY)
    made.save(5, {"weights": Harmful()})
    with pytest.raises(CheckpointError, match=r"0000005.pt: refused"):
        made.load(CPU)
    assert not (tmp_path / "ran").exists()
    assert pickle.loads(pickle.dumps(Harmful())) is None and (tmp_path / "ran").exists()  # it would have run
