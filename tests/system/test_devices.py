"""The device and the number of workers: what the variables may say, and a device that cannot compute."""

import pytest
import torch

from ganspeed.errors import UserError
from ganspeed.system.devices import select_device, usable_device, worker_count
from ganspeed.system.exit_status import exit_status
from ganspeed.workspace import Workspace

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "meta", "mps", "hpu", "privateuseone", "cuda:", "cuda:one", "cpu:0"])
def test_another_device_than_cpu_and_cuda_is_refused_in_a_line(name, monkeypatch):
    monkeypatch.setenv("GANSPEED_DEVICE", name)
    with pytest.raises(UserError) as caught:
        select_device()
    assert str(caught.value) == f"GANSPEED_DEVICE: {name!r} is none of cpu, cuda, cuda:0, cuda:1, ..."


def test_a_device_that_is_not_there_is_refused_in_a_line(monkeypatch):
    monkeypatch.setenv("GANSPEED_DEVICE", "cuda:99")
    with pytest.raises(UserError, match=r"^the device cuda:99 cannot compute here: .+; GANSPEED_DEVICE=cpu does .*$"):
        select_device()


def test_a_device_that_takes_tensors_but_cannot_compute_is_refused():
    """The device meta takes every operation and has no values, as a card without kernels for it has none."""
    torch.empty(0, device="meta")
    with pytest.raises(UserError, match="^the device meta cannot compute here: .*meta.*; GANSPEED_DEVICE=cpu"):
        usable_device("meta")


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5"])
def test_a_wrong_number_of_workers_is_refused(value, monkeypatch):
    monkeypatch.setenv("GANSPEED_WORKERS", value)
    with pytest.raises(UserError, match=f"GANSPEED_WORKERS: '{value}' is not an integer >= 1"):
        worker_count(CPU)


def test_an_empty_variable_counts_as_not_set(monkeypatch, tmp_path):
    def answers():
        return select_device(), worker_count(CPU), Workspace(tmp_path).source_data

    for name in ("DEVICE", "WORKERS", "DATA"):
        monkeypatch.delenv(f"GANSPEED_{name}", raising=False)
    unset = answers()
    for name in ("DEVICE", "WORKERS", "DATA"):
        monkeypatch.setenv(f"GANSPEED_{name}", "")
    assert answers() == unset


@pytest.mark.parametrize(
    ("said", "way"),
    [
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "GANSPEED_WORKERS=1"),
        ("CUDA error: an illegal memory access was encountered", "run again to continue, GANSPEED_DEVICE=cpu"),
        ("CUDA error: out of memory", "a smaller GANSPEED_WORKERS"),
    ],
)
def test_a_gpu_that_fails_later_is_told_in_a_line(said, way, capsys, tmp_path):
    def body():
        raise RuntimeError(f"{said}\nCUDA kernel errors might be asynchronously reported at some other API call\n")

    assert exit_status(body, tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and way in line and line.endswith(f"({said})")
