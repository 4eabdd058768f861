"""Updates that are not alike, in the traced engine: a warm start of the critic, batches of other sizes and growing."""

import pytest
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from training_runs import TRACED, new_run, run, side_by_side

from ganspeed.errors import Stopped
from ganspeed.training.engines import vmapped

UNEVEN = {
    "warm start": {"warm_start": {"steps": 4, "updates": 2, "every": 4}},
    "sizes": {"batches": {"G": 6, "D": 4}},
    "growing": {"batches": {"D": 4, "grow": {"factor": 2, "every": 2, "largest": 12}}},
}


@pytest.mark.parametrize("kind", UNEVEN)
def test_uneven_updates_are_close_to_the_eager_loop(kind, recipe, images, tmp_path):
    one = cautious(recipe("wgan_gp", updates=UPDATES, **UNEVEN[kind]))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


def test_history_counts_what_was_done(recipe, images, tmp_path):
    uneven = UNEVEN["warm start"] | UNEVEN["growing"]
    rows = []
    run(recipe("wgan_gp", updates=6, train={"log_every": 1}, **uneven), images, tmp_path, rows.append)
    steps, sizes = [4, 4, 2, 2, 4, 2], [4, 4, 8, 8, 12, 12]
    assert [row["d_updates"] for row in rows] == [sum(steps[:n]) for n in range(7)]
    assert [row["images_seen"] for row in rows] == [
        sum(n * size for n, size in zip(steps[:k], sizes, strict=False)) for k in range(7)
    ]


def test_a_stopped_group_goes_on_beside_a_run_of_another_update(recipe, images, tmp_path):
    """Two go on from update 3, the third begins: their updates are not alike, so that they are no group."""
    recipes = [recipe("wgan_gp", seed, **(UNEVEN["warm start"] | UNEVEN["growing"])) for seed in (0, 1, 2)]
    side_by_side(recipes, images, tmp_path / "undisturbed")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        side_by_side(recipes[:2], images, tmp_path / "stopped", stopping=lambda: next(asked))
    side_by_side(recipes, images, tmp_path / "stopped")
    for k in ("0", "1", "2"):
        assert digests(tmp_path / "stopped" / k / "run") == digests(tmp_path / "undisturbed" / k / "run")
