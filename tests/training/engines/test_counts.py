"""Updates that are not alike, in the traced engine: head start and warm start, batches of other sizes and growing."""

import pytest
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from training_runs import TRACED, assert_a_killed_run_resumes, new_run, run, side_by_side

from ganspeed.errors import Stopped
from ganspeed.training.engines import vmapped

UNEVEN = {
    "head start": {"head_start": 5},
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
    uneven = UNEVEN["warm start"] | UNEVEN["growing"] | UNEVEN["head start"]
    rows = []
    run(recipe("wgan_gp", updates=6, train={"log_every": 1}, **uneven), images, tmp_path, rows.append)
    steps, sizes = [4 + 5, 4, 2, 2, 4, 2], [4, 4, 8, 8, 12, 12]
    assert [row["d_updates"] for row in rows] == [sum(steps[:n]) for n in range(7)]
    assert [row["images_seen"] for row in rows] == [
        sum(n * size for n, size in zip(steps[:k], sizes, strict=False)) for k in range(7)
    ]


@pytest.mark.parametrize("engine", ["eager", TRACED])
def test_a_head_start_is_so_many_more_steps_in_the_first_update(engine, recipe, images, tmp_path):
    """As a warm start of one update has them: D alone is trained, by the rates of update 1."""
    for name, own in (("head", {"head_start": 3}), ("warm", {"warm_start": {"steps": 5, "updates": 1, "every": 0}})):
        one = recipe("wgan_gp", **own)
        assert one.variant.n_critic == 2
        side_by_side([one], images, tmp_path / name) if engine == TRACED else run(one, images, tmp_path / name / "0")
    assert digests(tmp_path / "head" / "0" / "run") == digests(tmp_path / "warm" / "0" / "run")


def test_a_stopped_group_goes_on_beside_a_run_of_another_update(recipe, images, tmp_path):
    """Two go on from update 3, the third begins: their updates are not alike, so that they are no group."""
    uneven = UNEVEN["warm start"] | UNEVEN["growing"] | UNEVEN["head start"]
    recipes = [recipe("wgan_gp", seed, **uneven) for seed in (0, 1, 2)]
    side_by_side(recipes, images, tmp_path / "undisturbed")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        side_by_side(recipes[:2], images, tmp_path / "stopped", stopping=lambda: next(asked))
    side_by_side(recipes, images, tmp_path / "stopped")
    for k in ("0", "1", "2"):
        assert digests(tmp_path / "stopped" / k / "run") == digests(tmp_path / "undisturbed" / k / "run")


@pytest.mark.parametrize("engine", ["eager", TRACED])
@pytest.mark.parametrize("kind", UNEVEN)
def test_a_killed_run_resumes_to_the_same_bytes(kind, engine, recipe, images, tmp_path, monkeypatch):
    assert_a_killed_run_resumes(recipe("wgan_gp", **UNEVEN[kind]), images, tmp_path, monkeypatch, engine)
