"""Drawn targets in the traced engine: close to the eager loop, no neighbours seen, exact resume.

Those of `gan` in the eager loop, and traced, are among the options of training_runs.py.
"""

import pytest
from digests import digests
from engine_closeness import UPDATES, assert_close_to_the_eager_loop, cautious
from training_runs import TRACED, new_run, side_by_side

from ganspeed.errors import Stopped
from ganspeed.training.engines import vmapped

DRAWN = {"real_target": [0.7, 1.2], "fake_target": [0.0, 0.3], "flip": 0.2, "smooth_generator": True}
CONSTANT = {"real_target": [0.9, 0.9], "fake_target": [0.1, 0.1], "smooth_generator": True}


@pytest.mark.parametrize(
    ("variant", "changes"), [("least_squares", DRAWN), ("least_squares", CONSTANT), ("gan", CONSTANT)]
)
def test_targets_are_close_to_those_of_the_eager_loop(variant, changes, recipe, images, tmp_path):
    one = cautious(recipe(variant, updates=UPDATES, **changes))
    (lane,) = made = [new_run(one, images, tmp_path / "lane")]
    vmapped.train_side_by_side(made, TRACED, lambda: False, lambda place, outcome: None)
    assert_close_to_the_eager_loop(lane, images, tmp_path / "eager")


@pytest.mark.parametrize("variant", ["gan", "least_squares"])
def test_a_stopped_group_goes_on_to_the_same_bytes_in_other_company(variant, recipe, images, tmp_path):
    """Stopped after update 3, between two checkpoints; a third run begins beside the two that go on."""
    recipes = [recipe(variant, seed, **DRAWN) for seed in (0, 1, 2)]
    side_by_side(recipes, images, tmp_path / "undisturbed")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        side_by_side(recipes[:2], images, tmp_path / "stopped", stopping=lambda: next(asked))
    side_by_side(recipes, images, tmp_path / "stopped")
    for k in ("0", "1", "2"):
        assert digests(tmp_path / "stopped" / k / "run") == digests(tmp_path / "undisturbed" / k / "run")
