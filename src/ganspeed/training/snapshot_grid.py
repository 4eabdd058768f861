"""The snapshot grid: the generator updates at which snapshots are written. Imports no torch."""

COARSE_BELOW = 12  # the fine ratio reaches down to U/12
COARSE_RATIO = 1.5


def snapshot_updates(updates: int, ratio: float, coarse_below: int = COARSE_BELOW) -> list[int]:
    """The grid of a run of `updates` generator updates: 0, ..., updates, ascending and without repeats.

    From `updates` down to updates/coarse_below, neighbours are a factor of `ratio` apart; below, of at most 1.5.
    """
    points, point = {0, updates}, float(updates)
    while point > 1:
        point /= ratio if point > updates / coarse_below else COARSE_RATIO
        points.add(max(1, round(point)))
    return sorted(points)


def budget(updates: int, ratio: float) -> int:
    """B, the grid point two before the last: a time to threshold up to B can be decided by three snapshots."""
    return snapshot_updates(updates, ratio)[-3]
