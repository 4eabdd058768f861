"""How many cores this process may use: a container's quota is a share of the time of the cores that it sees."""

import math
import os
from pathlib import Path


def available_cores(mounted: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """The cores that this process may be scheduled on, or fewer where its control groups have a quota; at least 1.

    mounted: where the system shows its control groups. own: the file that names those of this process.
    """
    cores = len(os.sched_getaffinity(0))
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(mounted, own))]))


def _quotas(mounted: Path, own: Path) -> list[float]:
    """Every quota, in cores, of this process's control groups and of all groups above them."""
    found = []
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        # Version 2 has one tree of groups and names no controllers; version 1 has a tree for each controller.
        if controllers and "cpu" not in controllers.split(","):
            continue
        root, quota_of = (mounted / "cpu", _quota_v1) if controllers else (mounted, _quota_v2)
        group = root / path.lstrip("/")
        above = [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
        found += [quota for folder in above if (quota := quota_of(folder)) is not None]
    return found


def _quota_v2(group: Path) -> float | None:
    return _share(_text(group / "cpu.max"))


def _quota_v1(group: Path) -> float | None:
    return _share(f"{_text(group / 'cpu.cfs_quota_us')} {_text(group / 'cpu.cfs_period_us')}")


def _share(text: str) -> float | None:
    """50000 100000, microseconds of all cores in a period of so many → 0.5; None for max, -1 and nothing."""
    quota, _, period = text.strip().partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.strip().isdecimal() and int(period) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # no such control group here
        return ""
