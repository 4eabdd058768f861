"""The snapshot grid: at which generator updates a run is photographed. It follows from its length alone."""

COARSE_BELOW = 12  # the fine ratio reaches down to U/12
COARSE_RATIO = 1.5


def snapshot_updates(updates: int, ratio: float, coarse_below: int = COARSE_BELOW) -> list[int]:
    """The grid of a run of `updates` generator updates: 0, ..., updates, ascending and without repeats.

    Downwards from `updates` neighbours stand `ratio` apart until updates/coarse_below, then at most 1.5 apart.
    """
    points, point = {0, updates}, float(updates)
    while point > 1:
        point /= ratio if point > updates / coarse_below else COARSE_RATIO
        points.add(max(1, round(point)))
    return sorted(points)


def for_run(train: dict) -> list[int]:
    """The grid of a run's block `train`; a pilot's, being longer, says itself how far down the fine part reaches."""
    return snapshot_updates(train["updates"], train["grid_ratio"], train.get("coarse_below", COARSE_BELOW))


def budget(updates: int, ratio: float) -> int:
    """B, the grid point two before the last: a time to threshold up to B can be decided by three snapshots."""
    return snapshot_updates(updates, ratio)[-3]
