"""The number of cores: those that a process may be scheduled on, less where its control groups have a quota."""

import os

import pytest

from ganspeed.system.cpu_quota import available_cores

CORES = 64


@pytest.fixture
def cores(tmp_path, monkeypatch):
    """A function: the answer on a machine of 64 cores with these control groups and these files of theirs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(CORES)))

    def count(groups: str, files: dict[str, str]) -> int:
        (tmp_path / "own").write_text(groups)
        for name, content in files.items():
            path = tmp_path / "mounted" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return available_cores(tmp_path / "mounted", tmp_path / "own")

    return count


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("max 100000", CORES), ("9900000 100000", CORES)],
)
def test_the_quota_of_a_container_counts_rounded_up(quota, expected, cores):
    assert cores("0::/\n", {"cpu.max": f"{quota}\n"}) == expected


def test_the_smallest_quota_of_a_group_and_those_above_it_counts(cores):
    files = {"cpu.max": "max 100000", "jobs/cpu.max": "300000 100000", "jobs/mine: 1/cpu.max": "700000 100000"}
    assert cores("0::/jobs/mine: 1\n", files) == 3


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", CORES)])
def test_control_groups_of_version_1_are_read_as_well(quota, expected, cores):
    groups = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"  # the container sees its own group as the top
    assert cores(groups, {"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": "100000"}) == expected


def test_without_control_groups_the_cores_are_counted(cores, tmp_path):
    assert cores("", {}) == available_cores(tmp_path / "none", tmp_path / "none") == CORES
